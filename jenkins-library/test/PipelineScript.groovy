/** Stands for the steps that Jenkins gives to a pipeline: writes down each call and answers as the test says. */
abstract class PipelineScript extends Script {
    static File library
    static List<String> calls
    static Map params
    static Set<String> credentials
    static Closure shell

    def node(String label, Closure body) { inside("node ${label}", body) }
    def stage(String title, Closure body) { inside("stage ${title}", body) }
    def timeout(Map limit, Closure body) { inside("timeout ${limit.time}", body) }
    def dir(String path, Closure body) { inside("dir ${path}", body) }

    def withEnv(List variables, Closure body) {
        def notes = variables.findAll { !it.startsWith('SLIPWAY_') }
        inside(notes ? "env ${notes.join(' ')}" : 'env', body)
    }

    def withCredentials(List bindings, Closure body) {
        def missing = bindings.find { !(it.credentialsId in credentials) }
        if (missing) {
            throw new org.jenkinsci.plugins.credentialsbinding.impl.CredentialNotFoundException(missing.credentialsId)
        }
        inside("credentials ${bindings*.credentialsId.join(' ')}", body)
    }

    def string(Map binding) { binding }
    def usernamePassword(Map binding) { binding }
    def pwd() { '/workspace' }
    def echo(text) { calls << "echo ${text}".toString() }
    def error(text) { throw new Exception(text.toString()) }
    def deleteDir() { calls << 'deleteDir' }
    def libraryResource(String path) { new File(library, "resources/${path}").text }
    def writeFile(Map file) { calls << "write ${file.file}".toString() }
    def archiveArtifacts(Map what) { calls << "archive ${what.artifacts}".toString() }
    def getParams() { PipelineScript.params }

    def sh(Map step) {
        calls << "sh ${step.script}".toString()
        shell(step)
    }

    private inside(what, Closure body) {
        calls << what.toString()
        body()
    }
}
