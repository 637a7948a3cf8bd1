"""Build images from Dockerfiles without a daemon: the part of `buildah` that Slipway's stage scripts use.

    words.py        variables and words in instructions
    dockerfile.py   text -> stages of instructions with their lines
    ignore.py       .dockerignore
    copying.py      COPY and ADD
    changes.py      what a step changed in a root, as layer entries
    cache.py        layers of earlier builds by what made them
    stage.py        one stage: an unpacked root and the instructions done to it
    build.py        which stages are needed, in which order, and the image at the end
    __main__.py     the command line

RUN is executed for real, by `deploy.sandbox.isolation`. Two builds of the same inputs give the same digest.
"""
