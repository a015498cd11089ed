from tests.operators.test_life import *
def test_dbg(emulator):
    old = stream(emulator)
    emulator.scripts.play("*", [(0.1, "JOB_STATE_FAILED")], type="JOB_TYPE_STREAMING")
    body = {"launchParameter": {"jobName": "words", "containerSpecGcsPath": "gs://t/f", "update": True}}
    emulator.objects.write("gs://t/f", b'{"image": "i"}')
    ended = task("DataflowStartFlexTemplateOperator", body=body, poll_sleep=SOON, ).run()
    for e in emulator.jobs.all(): print(e["job"])
    assert 0
