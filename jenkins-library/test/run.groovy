import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilerConfiguration
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/** Runs vars/slipwayBuild.groovy against recorded steps: `groovy -cp test:test/stubs test/run.groovy` in jenkins-library. */

class ExceededTimeout { }
class UserInterruption { }

File root = new File(getClass().protectionDomain.codeSource.location.path).parentFile.parentFile
Map plan = new JsonSlurper().parse(new File(root, 'resources/stages.json'))
def configuration = new CompilerConfiguration(scriptBaseClass: 'PipelineScript')
def loader = new GroovyClassLoader(getClass().classLoader, configuration)
Class entry = loader.parseClass(new File(root, 'vars/slipwayBuild.groovy'))
Class steps = loader.loadClass('PipelineScript')

/** Runs one build; returns its steps and what it ended with. `fail` maps a stage's script to what it throws. */
def build = { Map settings ->
    steps.library = root
    steps.calls = []
    steps.params = [SCAN: 'true'] + (settings.params ?: [:])
    steps.credentials = settings.credentials ?: ['slipway-gitlab', 'slipway-registry', 'slipway-webhook'] as Set
    steps.shell = { Map step ->
        def hit = settings.fail?.find { script, failure -> step.script.contains(script) }
        if (hit) { throw hit.value }
    }
    try {
        entry.getDeclaredConstructor().newInstance().call(settings.options ?: [:])
        return [calls: steps.calls, failure: null]
    } catch (Throwable failure) {
        return [calls: steps.calls, failure: failure]
    }
}
def scripts = { calls -> calls.findAll { it.startsWith('sh sh ') }.collect { (it =~ /stages\/(\w+)\.sh/)[0][1] } }
def notes = { calls -> calls.findAll { it.startsWith('env STAGE=') }.collect { (it =~ /STAGE=(\w+) STATUS=(\w+)/)[0][1..2].join(' ') } }

int passed = 0
List<String> failed = []
def test = { String name, Closure body ->
    try {
        body()
        passed++
    } catch (Throwable problem) {
        failed << name
        println "FAILED ${name}: ${problem.message}"
    }
}

test('runs all stages in the order of stages.json and archives the report') {
    def run = build([:])
    assert run.failure == null
    assert scripts(run.calls) == plan.stages*.name
    assert notes(run.calls) == plan.stages.collectMany { ["${it.name} running", "${it.name} succeeded"]*.toString() }
    assert run.calls.contains('archive slipway-report.json')
    assert run.calls.findAll { it.startsWith('write ') } == plan.files.collect { "write library/${it}".toString() }
    assert run.calls.last() == 'deleteDir'
}

test('gives each stage the credentials it names and no others') {
    def run = build([:])
    def around = { String script -> run.calls[run.calls.findIndexOf { it.startsWith('sh sh') && it.contains("/${script}.sh") } - 1] }
    assert around('clone') == 'credentials slipway-gitlab'
    assert around('scan') == 'credentials '
    assert around('push') == 'credentials slipway-registry'
}

test('skips the scan when it is not wanted, and says so') {
    def run = build(params: [SCAN: false])
    assert run.failure == null
    assert !('scan' in scripts(run.calls))
    assert 'scan skipped' in notes(run.calls)
}

test('reports a failed stage, runs no further one, and fails') {
    def run = build(fail: ['stages/build.sh': new Exception('script returned exit code 1')])
    assert run.failure.message == 'script returned exit code 1'
    assert scripts(run.calls) == ['clone', 'scan', 'build', 'report']
    assert 'build failed' in notes(run.calls)
    assert run.calls.contains('archive slipway-report.json')
}

test('takes a stage that exceeds its time for failed') {
    def run = build(fail: ['stages/clone.sh': new FlowInterruptedException([new ExceededTimeout()])])
    assert run.failure.message == 'Stage Clone took longer than 10 minutes'
    assert 'clone failed' in notes(run.calls)
}

test('keeps a stop by a person an abort, and still reports') {
    def stop = new FlowInterruptedException([new UserInterruption()])
    def run = build(fail: ['stages/build.sh': stop])
    assert run.failure.is(stop)
    assert 'build canceled' in notes(run.calls)
    assert 'report' in scripts(run.calls)
}

test('builds without the webhook credential and without telling') {
    def run = build(credentials: ['slipway-gitlab', 'slipway-registry'] as Set)
    assert run.failure == null
    assert notes(run.calls).size() == 2 * plan.stages.size()
    assert run.calls.any { it.startsWith('echo Slipway is not told') }
}

test('fails when the credential of a stage is missing') {
    def run = build(credentials: ['slipway-webhook'] as Set)
    assert run.failure.message == 'slipway-gitlab'
    assert 'clone failed' in notes(run.calls)
}

test('does not let a failing report hide the first failure') {
    def first = new Exception('no such base image')
    def run = build(fail: ['stages/build.sh': first, 'stages/report.sh': new Exception('disk full')])
    assert run.failure.is(first)
}

println "${passed} passed, ${failed.size()} failed"
System.exit(failed ? 1 : 0)
