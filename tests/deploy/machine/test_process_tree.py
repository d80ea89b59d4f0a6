"""No process is left behind: orphans are adopted, reaped and swept. Each test is a process of its own."""

import subprocess
import sys
import textwrap

import psutil


def run(code: str) -> str:
    """Run code in a fresh interpreter, where becoming a subreaper disturbs nobody."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


ORPHAN = """
    import subprocess, sys, time, psutil
    from deploy.machine import process_tree
    process_tree.become_subreaper()
    parent = subprocess.Popen([sys.executable, "-c", '''if True:
        import subprocess, sys
        child = subprocess.Popen({command}, start_new_session=True)
        print(child.pid, flush=True)'''], stdout=subprocess.PIPE, text=True)
    orphan = int(parent.stdout.readline())
    parent.wait()
"""


def test_an_orphan_becomes_a_child_of_the_subreaper() -> None:
    code = ORPHAN.format(command='["sleep", "60"]')
    out = run(code + "\n    print(psutil.Process(orphan).ppid() == psutil.Process().pid); process_tree.sweep(1)")
    assert out == "True"


def test_a_dead_orphan_is_reaped_and_leaves_no_zombie() -> None:
    code = ORPHAN.format(command='["true"]')
    out = run(
        code
        + """
    deadline = time.monotonic() + 10
    while psutil.pid_exists(orphan) and time.monotonic() < deadline:
        process_tree.reap_orphans(but=0)
        time.sleep(0.01)
    print(psutil.pid_exists(orphan))
    """
    )
    assert out == "False"


def test_the_sweep_ends_also_those_that_ignore_term_and_names_them() -> None:
    deaf = '["sh", "-c", "trap : TERM; while :; do sleep 0.1; done"]'
    out = run(
        ORPHAN.format(command=deaf)
        + """
    time.sleep(0.2)
    killed = process_tree.sweep(grace=0.3)
    print(orphan, psutil.pid_exists(orphan), any(f"(pid {orphan})" in name for name in killed))
    """
    )
    pid, exists, named = out.split()
    assert (exists, named) == ("False", "True")
    assert not psutil.pid_exists(int(pid))


def test_a_child_that_asked_for_it_is_told_when_its_parent_dies() -> None:
    out = run("""
    import os, subprocess, sys, time, psutil
    from deploy.machine import process_tree
    process_tree.become_subreaper()
    code = '''if True:
        import subprocess, os, signal
        from deploy.machine import process_tree
        child = subprocess.Popen(["sleep", "60"], preexec_fn=process_tree.die_with_parent)
        print(child.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)'''
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.wait()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        process_tree.reap_orphans(but=0)
        time.sleep(0.01)
    print(psutil.pid_exists(pid))
    """)
    assert out == "False"
