"""What black-box programs say of their cases, which are functions: TAP lines. Standard library only."""
import sys
import traceback

from checks import Failure


def outcome(world_of, case):
    """Runs it in a world of its own, which is closed after it. None, or what is wrong."""
    try:
        world = world_of(case.__name__)
        try:
            case(world)
        finally:
            world.close()
    except Failure as failure:
        return str(failure)
    except Exception:
        return traceback.format_exc()
    return None


def say(number, case, problem):
    print("%s %d - %s: %s" % ("not ok" if problem else "ok", number, case.__name__, case.__doc__))
    for line in (problem or "").splitlines():
        print("#   " + line)
    sys.stdout.flush()
