import subprocess
import sys

PROGRAM = """
import resource
from config.descriptors import raise_descriptor_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
assert raise_descriptor_limit() == 200
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (200, 200)
assert raise_descriptor_limit() == 200
"""


def test_all_that_the_system_grants_is_taken():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
