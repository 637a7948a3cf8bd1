"""Jenkins: parameterised jobs, their queue, runs, stages and logs, through python-jenkins.

https://www.jenkins.io/doc/book/using/remote-access-api/
"""
