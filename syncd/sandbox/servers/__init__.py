"""Real Airflow servers on this machine: installed by hash, prepared once, booted in seconds, gone with their starter.

What takes long is done once and kept under a home directory (`.servers` beside the package): the installation, and for
each set of DAG files a migrated database with an administrator and every DAG parsed, the template. A server works on
copies of both, so any number can run at once and none can spoil another. Nothing here is reachable from outside this
machine, and nothing is sent anywhere.
"""

from syncd.sandbox.servers.dag_files import write_dags, write_sample_dags
from syncd.sandbox.servers.release import Release, ServerFailed
from syncd.sandbox.servers.server import RealAirflow, Surroundings

__all__ = ["RealAirflow", "Release", "ServerFailed", "Surroundings", "write_dags", "write_sample_dags"]
