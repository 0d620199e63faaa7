"""Whether replies of the API are as botocore's own model has them.

As a program: reads lines of JSON, each `[operation, reply]`, and ends with how many there were, or with what is wrong.
"""

import json
import sys

import botocore.session


def check(value, shape, where):
    """The reply has the types of the model, and nothing that is not in it."""
    kind = shape.type_name
    if kind == "structure":
        assert isinstance(value, dict), where
        for name, member in value.items():
            assert name in shape.members, f"{where}.{name} is not in the model"
            check(member, shape.members[name], f"{where}.{name}")
    elif kind == "list":
        assert isinstance(value, list), where
        for one in value:
            check(one, shape.member, where + "[]")
    elif kind == "map":
        assert isinstance(value, dict), where
        for name, one in value.items():
            check(name, shape.key, where + " key")
            check(one, shape.value, f"{where}[{name}]")
    elif kind in ("integer", "long"):
        assert type(value) is int, f"{where} is {value!r}, and is to be an integer"
    elif kind in ("float", "double", "timestamp"):
        assert type(value) in (int, float), f"{where} is {value!r}, and is to be a number"
    elif kind == "boolean":
        assert type(value) is bool, where
    else:
        assert type(value) is str, f"{where} is {value!r}, and is to be text"


def main():
    model = botocore.session.get_session().get_service_model("lightsail")
    count = 0
    for count, line in enumerate(sys.stdin, 1):
        operation, reply = json.loads(line)
        check(reply, model.operation_model(operation).output_shape, operation)
    print(count)


if __name__ == "__main__":
    main()
