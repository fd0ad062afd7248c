# SPDX-License-Identifier: Apache-2.0
"""Java programs of others, as judges: their jars come from Maven once, into .deps."""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from firn import ROOT  # noqa: E402


class Jars:
    """What test/judges/NAME/pom.xml names, with all it needs."""

    def __init__(self, name):
        self.folder = ROOT / ".deps" / name.replace("_", "-")
        if not any(self.folder.glob("*.jar")):
            subprocess.run(["mvn", "-q", "-B", "-f", HERE / name / "pom.xml", "dependency:copy-dependencies", f"-DoutputDirectory={self.folder}"], check=True)

    def run(self, *arguments, stdin="", seconds=120, environment=None):
        """What a main class, or a source file, printed on both outputs; the loggers' own lines are left out."""
        done = subprocess.run(["java", "--add-opens=java.base/java.util=ALL-UNNAMED", "-cp", f"{self.folder}/*", *map(str, arguments)], input=stdin,
                              capture_output=True, text=True, timeout=seconds, env=environment)
        lines = (done.stdout + done.stderr).splitlines()
        return "\n".join(line for line in lines if "SLF4J" not in line and "log4j" not in line.lower())
