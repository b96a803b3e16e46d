"""What black-box programs say of their cases, which are functions: TAP lines. Standard library only."""
import sys
import traceback

from checks import Failure, Missing


def outcome(world_of, case):
    """Runs it in a world of its own, which is closed after it. -> what is wrong, what this machine lacks
    for it; None where there is nothing to say."""
    try:
        world = world_of(case.__name__)
        try:
            case(world)
        finally:
            world.close()
    except Missing as missing:
        return None, str(missing)
    except Failure as failure:
        return str(failure) or "it failed, and its message is empty", None
    except Exception:
        return traceback.format_exc(), None
    return None, None


def say(number, case, problem, missing):
    """Returns whether it failed."""
    print("%s %d - %s: %s%s" % ("not ok" if problem else "ok", number, case.__name__, case.__doc__,
                                " # SKIP " + missing if missing else ""))
    for line in (problem or "").splitlines():
        print("#   " + line)
    sys.stdout.flush()
    return problem is not None
