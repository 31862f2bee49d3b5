#!/usr/bin/env bash
# ministack 1.5.33 gives every error of a Lambda task the name Runtime.HandlerError in Step Functions.
#
# Expected: an error that a function in Python or Node.js raises carries the name of its class, as on AWS, where a Catch of
#   {"ErrorEquals": ["NoSuchCorpus"]} takes the exception NoSuchCorpus (Step Functions' guide, "Handling error conditions").
# Seen: such a Catch takes nothing; the name is Runtime.HandlerError whatever the function raised, and so is errorType in the
#   Cause. Only the message is the exception's own.
# What to do: in tests with this emulator put Runtime.HandlerError in the place of the names in ErrorEquals, or let the
#   function return what happened instead of raising it.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
BIND_HOST=127.0.0.1 GATEWAY_PORT=$port DOCKER_HOST=unix:///nowhere SFTP_ENABLED=0 IOT_MTLS_ENABLED=0 venv/bin/ministack >ministack.log 2>&1 &
server=$!
cat >show.py <<'PY'
import io, json, sys, time, urllib.request, zipfile

import boto3

endpoint = f'http://127.0.0.1:{sys.argv[1]}'
for _ in range(100):
    try:
        urllib.request.urlopen(f'{endpoint}/_ministack/health')
        break
    except OSError:
        time.sleep(0.2)
keys = dict(endpoint_url=endpoint, region_name='us-east-1', aws_access_key_id='test', aws_secret_access_key='test')
code = io.BytesIO()
with zipfile.ZipFile(code, 'w') as archive:
    archive.writestr('index.py', 'class NoSuchCorpus(Exception): pass\ndef handler(event, context): raise NoSuchCorpus("none")')
role = 'arn:aws:iam::000000000000:role/any'
function = boto3.client('lambda', **keys).create_function(
    FunctionName='raises', Runtime='python3.12', Handler='index.handler', Role=role, Code={'ZipFile': code.getvalue()},
)['FunctionArn']
caught = lambda name: {'ErrorEquals': [name], 'Next': name.replace('.', '')}
definition = {
    'StartAt': 'Ask',
    'States': {
        'Ask': {
            'Type': 'Task', 'Resource': function, 'End': True,
            'Catch': [caught('NoSuchCorpus'), caught('Runtime.HandlerError')],
        },
        'NoSuchCorpus': {'Type': 'Pass', 'Result': 'NoSuchCorpus', 'End': True},
        'RuntimeHandlerError': {'Type': 'Pass', 'End': True},
    },
}
machines = boto3.client('stepfunctions', **keys)
machine = machines.create_state_machine(name='catches', definition=json.dumps(definition), roleArn=role)['stateMachineArn']
execution = machines.start_execution(stateMachineArn=machine)['executionArn']
while (result := machines.describe_execution(executionArn=execution))['status'] == 'RUNNING':
    time.sleep(0.2)
print(result['status'], result['output'])
output = json.loads(result['output'])
as_found = (
    isinstance(output, dict)
    and output['Error'] == 'Runtime.HandlerError'
    and json.loads(output['Cause']) == {'errorMessage': 'none', 'errorType': 'Runtime.HandlerError'}
)
print('As found: the name is not the exception\'s.' if as_found else 'CHANGED: look at this finding again.')
sys.exit(0 if as_found else 1)
PY
venv/bin/python show.py "$port"
