package org.jenkinsci.plugins.workflow.steps

/** Stands for Jenkins's class of the same name. */
class FlowInterruptedException extends Exception {
    final List causes

    FlowInterruptedException(List causes) {
        super('interrupted')
        this.causes = causes
    }
}
