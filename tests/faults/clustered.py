"""A stack whose NATS is a cluster of three servers, each of which holds every event."""

from typing import Any

from services.standalone.home import Home
from services.standalone.nats import USERS
from services.standalone.stack import Stack
from shared.settings import NatsSettings
from tests.nats_cluster import SIZE, NatsCluster
from tests.stack import EVERYTHING


class ClusteredStack(Stack):
    """Services, Postgres, and the cluster; ``nats.replicas`` is its size."""

    def __init__(self, home: Home, **options: Any) -> None:
        super().__init__(home, **options)
        self.cluster = NatsCluster(home.nats, (*USERS, EVERYTHING), lambda user: home.secret(f"nats-{user}"))
        self.nats = self.cluster  # type: ignore[assignment]  # what a stack asks of its NATS, the cluster answers

    def nats_settings(self) -> NatsSettings:
        """How to reach the cluster: the addresses of all servers."""
        return super().nats_settings().model_copy(update={"url": self.cluster.url, "replicas": SIZE})
