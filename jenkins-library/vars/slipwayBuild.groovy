import groovy.json.JsonSlurperClassic
import org.jenkinsci.plugins.credentialsbinding.impl.CredentialNotFoundException
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/**
 * Builds one commit as Slipway asked by the job's parameters: `@Library('slipway') _; slipwayBuild()`.
 *
 * resources/stages.json says which stages there are, in which order; each is a portable shell script that is
 * copied to the agent and run there. Options: agent (label), builder (SLIPWAY_BUILDER), caFile (on the agent).
 */
def call(Map options = [:]) {
    Map plan = new JsonSlurperClassic().parseText(libraryResource('stages.json'))
    node(options.agent ?: '') {
        deleteDir()
        for (String file in plan.files) {
            writeFile file: "library/${file}", text: libraryResource(file), encoding: 'UTF-8'
        }
        withEnv(environment(options)) {
            try {
                for (Map step in plan.stages.findAll { !it.always }) { runStage(plan, step) }
            } catch (Throwable failure) {
                finish(plan, failure)
            }
            finish(plan, null)
        }
    }
}

private List<String> environment(Map options) {
    List<String> variables = ["SLIPWAY_LIBRARY=${pwd()}/library", "SLIPWAY_WORK=${pwd()}/work"]
    if (options.builder) { variables << "SLIPWAY_BUILDER=${options.builder}".toString() }
    if (options.caFile) { variables << "SLIPWAY_CA_FILE=${options.caFile}".toString() }
    return variables
}

/** Reports and archives, whatever happened before; then the build ends as it would have. */
private void finish(Map plan, Throwable failure) {
    try {
        for (Map step in plan.stages.findAll { it.always }) { runStage(plan, step) }
        dir('work') { archiveArtifacts artifacts: plan.report, allowEmptyArchive: true }
        deleteDir()
    } catch (Exception second) {
        if (failure == null) { throw second }
        echo "The report failed too: ${second.message}"
    }
    if (failure != null) { throw failure }
}

private void runStage(Map plan, Map step) {
    stage(step.title) {
        if (step.when && params[step.when].toString() != 'true') {
            echo "Stage \"${step.title}\" skipped: ${step.when} is not true"
            tell(plan, step, 'skipped')
            return
        }
        tell(plan, step, 'running')
        try {
            timeout(time: step.timeout_minutes, unit: 'MINUTES') {
                withCredentials(bindings(plan, step.credentials)) {
                    sh label: step.title, script: "sh \"\$SLIPWAY_LIBRARY/${step.script}\""
                }
            }
        } catch (FlowInterruptedException interruption) {
            // A stage that takes too long has failed; only a person's stop is an abort.
            if (!interruption.causes.any { it.class.simpleName == 'ExceededTimeout' }) {
                tell(plan, step, 'canceled')
                throw interruption
            }
            tell(plan, step, 'failed', "took longer than ${step.timeout_minutes} minutes")
            error "Stage ${step.title} took longer than ${step.timeout_minutes} minutes"
        } catch (Exception failure) {
            tell(plan, step, 'failed', failure.message ?: '')
            throw failure
        }
        tell(plan, step, 'succeeded')
    }
}

/** Notes a stage's begin or end for the report and tells Slipway, which is a hint: nothing here fails a build. */
private void tell(Map plan, Map step, String status, String detail = '') {
    try {
        withCredentials(bindings(plan, ['webhook'])) { note(step.name, status, detail) }
    } catch (CredentialNotFoundException missing) {
        echo "Slipway is not told: ${missing.message}"
        note(step.name, status, detail)
    }
}

private void note(String name, String status, String detail) {
    withEnv(["STAGE=${name}", "STATUS=${status}", "DETAIL=${detail}"]) {
        sh label: "${name}: ${status}", returnStatus: true,
           script: 'python3 "$SLIPWAY_LIBRARY/stage.py" "$STAGE" "$STATUS" "$DETAIL"'
    }
}

private List bindings(Map plan, List names) {
    List bound = []
    for (String name in names) {
        Map credential = plan.credentials[name]
        List<String> variables = credential.variables
        bound << (credential.kind == 'secret_text'
            ? string(credentialsId: credential.id, variable: variables[0])
            : usernamePassword(credentialsId: credential.id,
                               usernameVariable: variables[0], passwordVariable: variables[1]))
    }
    return bound
}
