"""A client program: runs the scenarios it is told on its input, one JSON line each way."""

import json
import sys
import traceback

import scenarios
import scenarios_canvas
import scenarios_control

RUNNABLE = {
    name: function
    for module in (scenarios, scenarios_canvas, scenarios_control)
    for name, function in vars(module).items()
    if getattr(function, "is_scenario", False)
}


def main():
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        question = json.loads(line)
        lane = scenarios.Lane(question["worker"])
        try:
            answer = {"value": RUNNABLE[question["scenario"]](lane, **question["arguments"])}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer, default=repr), file=answers, flush=True)


if __name__ == "__main__":
    main()
