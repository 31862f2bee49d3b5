"""State machines executed by ministack's interpreter, with the services and the clock in the hands of the caller.

One JSON object a line. In: `{"id", "definition", "input", "arn", "machine", "name", "start"}` runs an execution; with
`"redrive": true` the one of that ARN goes on in the state in which it ended, and in the batches that were not done.
Out, while it runs: `{"call": {"resource", "arguments", "state", "now", "timeout"}}`, each to be answered by
`{"result"}` or `{"error", "cause"?, "seconds"?}`; in the end `{"end": {"status", "output"?, "error"?, "cause"?, "path", "seconds", "events"}}`.

ministack evaluates states, choices, retriers, catchers and JSONata. What it lacks is done here: time that costs none,
the time limit of an execution, limits of 256 KiB, errors that `States.ALL` does not catch, an absent cause, and
distributed maps with expressions, batches and a result writer; the output of `Succeed`.
"""

import json
import sys
import threading
from datetime import datetime, timezone

from ministack.services import stepfunctions as sfn

out, sys.stdout = sys.stdout, sys.stderr
lock = threading.RLock()
LIMIT = 262_144  # bytes of a state's input or output
UNCAUGHT = ("States.DataLimitExceeded", "States.Runtime")


class Run:
    """The execution under way: its clock and what it went through."""

    now = 0.0  # epoch seconds
    began = 0.0
    limit = float("inf")
    path = []
    events = 0
    ended = None
    arn = None
    top = ()  # names of the states outside maps
    variables = None  # of an execution that is redriven, before its first state


class Kept:
    """What a redrive finds of executions that have ended, by their ARN."""

    entered = {}  # the last state outside maps: name, input, variables
    done = {}  # results of batches, by their number


class Ended(BaseException):
    """The execution was stopped from outside, or ran out of its time: no retrier or catcher of a state sees it."""

    def __init__(self, status, error=None, cause=None):
        self.status, self.error, self.cause = status, error, cause
        super().__init__(status)
        Run.ended = self


def iso(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rpc(message):
    with lock:
        out.write(json.dumps(message) + "\n")
        out.flush()
        return json.loads(sys.stdin.readline())


def advance(seconds):
    with lock:
        Run.now += seconds
        if Run.now - Run.began > Run.limit:
            Run.now = Run.began + Run.limit
            raise Ended("TIMED_OUT", "States.Timeout")


def limited(value):
    if len(json.dumps(value).encode()) > LIMIT:
        raise sfn._ExecutionError("States.DataLimitExceeded", "The state's data is larger than 262144 bytes.")
    return value


def invoke(resource, arguments, timeout=None):
    limited(arguments)
    with lock:
        state = Run.path[-1] if Run.path else None
        answer = rpc({"call": {"resource": resource, "arguments": arguments, "state": state,
                               "now": iso(Run.now), "timeout": timeout}})
        if answer.get("abort"):
            raise Ended("ABORTED", answer.get("error"), answer.get("cause"))
        seconds = answer.get("seconds", 0)
        if timeout is not None and seconds > timeout:
            advance(timeout)
            raise sfn._ExecutionError("States.Timeout", answer.get("cause"))
        advance(seconds)
    if "error" in answer:
        raise sfn._ExecutionError(answer["error"], answer.get("cause"))
    return limited(answer.get("result"))


def error_matches(names, error):
    if error in names:
        return True
    if error in UNCAUGHT:
        return False
    return "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")


own_catcher = sfn._apply_catcher


def apply_catcher(catcher, raw_input, ctx, language, error_output):
    present = {key: value for key, value in error_output.items() if value is not None}
    return own_catcher(catcher, raw_input, ctx, language, present)


def apply_assign(state_def, raw_input, ctx, result=None, error_output=None):
    """All expressions of an `Assign` see the variables as they were before it."""
    assign = state_def.get("Assign")
    if not isinstance(assign, dict) or ctx is None:
        return
    values = {name: sfn._apply_jsonata_template(template, raw_input, ctx, result=result, error_output=error_output)
              for name, template in assign.items()}
    ctx.setdefault("variables", {}).update(values)


own_output_path = sfn._apply_output_path


def apply_output_path(state_def, data, ctx=None):
    if state_def.get("Type") == "Succeed" and "Output" in state_def:
        return sfn._apply_jsonata_template(state_def["Output"], data, ctx)
    return own_output_path(state_def, data, ctx)


def add_event(execution, kind, detail=None):
    with lock:
        Run.events += 1
        if kind.endswith("StateEntered"):
            name = detail["stateEnteredEventDetails"]["name"]
            Run.path.append(name)
            if name in Run.top:  # of a state of type Fail nothing else is called
                _, *seen = Kept.entered.get(Run.arn, (None, None, {}))
                Kept.entered[Run.arn] = (name, *seen)


def wrap(handler):
    """Names of states inside maps, which ministack writes no events for; and the limit on what a state puts out."""

    def run(state_def, raw_input, *rest):
        ctx = rest[-1]
        name = ctx["State"]["Name"]
        with lock:
            if Run.variables is not None:
                ctx["variables"], Run.variables = Run.variables, None
            if name in Run.top:
                Kept.entered[Run.arn] = (name, raw_input, dict(ctx.get("variables") or {}))
            if not Run.path or Run.path[-1] != ctx["State"]["Name"]:
                Run.path.append(ctx["State"]["Name"])
        output, following = handler(state_def, raw_input, *rest)
        if Run.ended:
            raise Run.ended  # in a thread of an inline map
        return limited(output), following

    return run


def batches(items, config, batch_input):
    most, size = config.get("MaxItemsPerBatch", 10**9), config.get("MaxInputBytesPerBatch", LIMIT)
    batch = []
    for item in items:
        candidate = {"BatchInput": batch_input, "Items": [*batch, item]}
        if batch and (len(batch) == most or len(json.dumps(candidate).encode()) > size):
            yield {"BatchInput": batch_input, "Items": batch}
            batch = []
        batch.append(item)
    if batch:
        yield {"BatchInput": batch_input, "Items": batch}


def distributed_map(state_def, raw_input, effective, iterator, execution, ctx):
    template = lambda value, context=ctx: sfn._apply_jsonata_template(value, raw_input, context)
    reader = state_def["ItemReader"]
    concurrency = template(state_def.get("MaxConcurrency", 0))
    if sfn._json_type(concurrency) != "number" or concurrency < 0 or concurrency != int(concurrency):
        raise sfn._ExecutionError("States.QueryEvaluationError", "MaxConcurrency: expected an integer of 0 or more")
    answer = rpc({"call": {"resource": reader["Resource"], "arguments": template(reader["Arguments"]),
                           "state": "ItemReader", "now": iso(Run.now), "timeout": None}})
    if "error" in answer:
        raise sfn._ExecutionError("States.ItemReaderFailed", answer.get("cause"))
    try:
        rows = [json.loads(line) for line in answer["result"]["Body"].splitlines() if line.strip()]
    except ValueError as error:
        raise sfn._ExecutionError("States.ItemReaderFailed", str(error))
    items = []
    for index, row in enumerate(rows):
        context = {**ctx, "Map": {"Item": {"Index": index, "Value": row}}}
        items.append(template(state_def.get("ItemSelector", row), context))
    batcher = state_def["ItemBatcher"]
    results, failures, total = [], 0, 0
    for number, batch in enumerate(batches(items, batcher, template(batcher.get("BatchInput", {})))):
        total += 1
        done = Kept.done.setdefault(Run.arn, {})
        if number in done:
            results.append(done[number])
            continue
        started = rpc({"call": {"resource": "arn:aws:states:::states:startExecution", "arguments":
                                {"StateMachineArn": execution["stateMachineArn"] + "/" + state_def["Label"]},
                                "state": "child", "now": iso(Run.now), "timeout": None}})
        try:
            if "error" in started:
                raise sfn._ExecutionError(started["error"], started.get("cause"))
            child = {**ctx, "variables": {}}  # children of a distributed map see no variables of the parent
            value = sfn._run_sub_machine(iterator["States"], iterator["StartAt"], batch, execution, child)
            results.append(value)
            done[number] = value
        except sfn._ExecutionError as error:
            failures += 1
            rpc({"child": {"number": number, "error": error.error, "cause": error.cause}})
    percent = float(template(state_def.get("ToleratedFailurePercentage", 0)))
    writer = state_def.get("ResultWriter")
    details = {}
    if writer:
        arguments = template(writer["Arguments"])
        flat = [one for result in results for one in (result if isinstance(result, list) else [result])]
        key = f"{arguments['Prefix']}/00000000-0000-0000-0000-000000000000/"
        for name, body in (("SUCCEEDED_0.jsonl", "\n".join(json.dumps(one) for one in flat)), ("manifest.json", "{}")):
            rpc({"call": {"resource": writer["Resource"], "arguments":
                          {"Bucket": arguments["Bucket"], "Key": key + name, "Body": body},
                          "state": "ResultWriter", "now": iso(Run.now), "timeout": None}})
        details = {"Bucket": arguments["Bucket"], "Key": key + "manifest.json"}
    if failures and failures * 100 > percent * total:
        raise sfn._ExecutionError("States.ExceedToleratedFailureThreshold", f"{failures} of {total} batches failed.")
    result = {"MapRunArn": execution["executionArn"] + ":map", "ResultWriterDetails": details} if writer else results
    output = sfn._apply_jsonata_output(state_def, raw_input, ctx, result=result, default=result)
    sfn._apply_state_assign(state_def, raw_input, ctx, result=result)
    return output, sfn._next_or_end(state_def)


sfn._scaled_sleep = advance
sfn._sleep_until = lambda stamp: advance(max(0, datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp() - Run.now))
sfn._invoke_resource = lambda resource, arguments: invoke(resource, arguments)
sfn._invoke_resource_with_timeout = lambda resource, arguments, timeout: invoke(resource, arguments, timeout)
sfn._error_matches = error_matches
sfn._apply_catcher = apply_catcher
sfn._apply_state_assign = apply_assign
sfn._apply_output_path = apply_output_path
sfn._add_event = add_event
sfn._run_distributed_map = distributed_map
sfn._emit_execution_status_event = lambda execution: None
sfn.time.sleep = lambda seconds: None
sfn.now_iso = lambda: iso(Run.now)
for kind in ("pass", "task", "choice", "wait", "map", "parallel"):
    setattr(sfn, f"_execute_{kind}", wrap(getattr(sfn, f"_execute_{kind}")))


def run(job):
    Run.now = Run.began = datetime.fromisoformat(job["start"].replace("Z", "+00:00")).timestamp()
    Run.path, Run.events, Run.ended = [], 0, None
    definition = job["definition"]
    Run.arn, Run.top, Run.variables = job["arn"], tuple(definition["States"]), None
    if job.get("redrive"):
        state, job["input"], Run.variables = Kept.entered[Run.arn]
        definition = {**definition, "StartAt": state}
    else:
        Kept.done.pop(Run.arn, None)
    Run.limit = definition.get("TimeoutSeconds", float("inf"))
    invalid = sfn._validate_definition_jsonata(json.dumps(definition))
    if invalid:
        return {"status": "INVALID", "cause": str(invalid)}
    execution = {"executionArn": job["arn"], "stateMachineArn": job["machine"], "name": job["name"],
                 "status": "RUNNING", "startDate": job["start"], "stopDate": None,
                 "input": json.dumps(job["input"]), "output": None, "events": []}
    sfn._state_machines[job["machine"]] = {"definition": json.dumps(definition), "name": job["machine"].split(":")[-1]}
    sfn._executions[job["arn"]] = execution
    try:
        sfn._run_execution(job["arn"])
        end = {"status": execution["status"], "error": execution.get("error"), "cause": execution.get("cause")}
        if execution["status"] == "SUCCEEDED":
            end["output"] = json.loads(execution["output"])
    except Ended as ended:
        end = {"status": ended.status, "error": ended.error, "cause": ended.cause}
    return {**end, "path": Run.path, "seconds": Run.now - Run.began, "events": Run.events}


for line in iter(sys.stdin.readline, ""):
    end = run(json.loads(line))
    out.write(json.dumps({"end": end}) + "\n")
    out.flush()
