"""Resources of operators, as far as deploy/k8s uses them: an unknown field or a wrong type is a mistake.

From the definitions of KEDA (2.17 and newer), CloudNativePG (1.25 and newer), Prometheus' operator, cert-manager and
the Gateway API. What is not used is not here: add it from their documentation when it is.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(min_length=1)]
Positive = Annotated[int, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Named(_Strict):
    name: Text


class _Labels(_Strict):
    labels: dict[str, str]


class _Selector(_Strict):
    matchLabels: dict[str, str]  # noqa: N815 - as Kubernetes writes it


class _Trigger(_Strict):
    type: Literal["nats-jetstream"]
    metadata: dict[str, str]
    """All of them texts, numbers as well."""


class _Fallback(_Strict):
    failureThreshold: Positive  # noqa: N815
    replicas: Positive


class ScaledObject(_Strict):
    """keda.sh/v1alpha1."""

    scaleTargetRef: _Named  # noqa: N815
    pollingInterval: Positive  # noqa: N815
    cooldownPeriod: Positive  # noqa: N815
    minReplicaCount: int  # noqa: N815
    maxReplicaCount: Positive  # noqa: N815
    fallback: _Fallback
    triggers: list[_Trigger]


class _InitDb(_Strict):
    database: Text
    owner: Text
    secret: _Named
    dataChecksums: bool  # noqa: N815
    encoding: Text
    localeProvider: Literal["builtin", "icu", "libc"]  # noqa: N815
    builtinLocale: Text  # noqa: N815
    localeCollate: Text  # noqa: N815
    localeCType: Text  # noqa: N815
    postInitSQL: list[Text]  # noqa: N815


class _Bootstrap(_Strict):
    initdb: _InitDb


class _Synchronous(_Strict):
    method: Literal["any", "first"]
    number: Positive
    dataDurability: Literal["required", "preferred"]  # noqa: N815


class _PostgreSql(_Strict):
    parameters: dict[str, str]
    synchronous: _Synchronous


class _Certificates(_Strict):
    serverTLSSecret: Text  # noqa: N815
    serverCASecret: Text  # noqa: N815


class _Storage(_Strict):
    size: Text


class Cluster(_Strict):
    """postgresql.cnpg.io/v1."""

    instances: Positive
    inheritedMetadata: _Labels  # noqa: N815
    bootstrap: _Bootstrap
    certificates: _Certificates
    postgresql: _PostgreSql
    resources: dict[str, dict[str, str]]
    storage: _Storage


class _Endpoint(_Strict):
    port: Text
    path: Text
    interval: Text
    scrapeTimeout: Text  # noqa: N815


class ServiceMonitor(_Strict):
    """monitoring.coreos.com/v1."""

    selector: _Selector
    endpoints: list[_Endpoint]


class _Issuer(_Strict):
    name: Text
    kind: Literal["Issuer", "ClusterIssuer"]


class _PrivateKey(_Strict):
    algorithm: Literal["RSA", "ECDSA", "Ed25519"]
    size: Positive


class _CertificateAuthority(_Strict):
    secretName: Text  # noqa: N815


class Issuer(_Strict):
    """cert-manager.io/v1."""

    selfSigned: dict[str, Any] | None = None  # noqa: N815
    ca: _CertificateAuthority | None = None


class Certificate(_Strict):
    """cert-manager.io/v1."""

    secretName: Text  # noqa: N815
    issuerRef: _Issuer  # noqa: N815
    privateKey: _PrivateKey  # noqa: N815
    isCA: bool = False  # noqa: N815
    commonName: Text | None = None  # noqa: N815
    duration: Text | None = None
    usages: list[Literal["server auth", "client auth"]] | None = None
    dnsNames: list[Text] | None = None  # noqa: N815
    secretTemplate: _Labels | None = None  # noqa: N815


class _Parent(_Strict):
    name: Text
    namespace: Text
    sectionName: Text  # noqa: N815


class _Path(_Strict):
    type: Literal["Exact", "PathPrefix", "RegularExpression"]
    value: Text


class _Match(_Strict):
    path: _Path


class _Backend(_Strict):
    name: Text
    port: Positive


class _Rule(_Strict):
    matches: list[_Match]
    backendRefs: list[_Backend]  # noqa: N815


class HttpRoute(_Strict):
    """gateway.networking.k8s.io/v1."""

    parentRefs: list[_Parent]  # noqa: N815
    hostnames: list[Text]
    rules: list[_Rule]


MODELS: dict[tuple[str, str], type[BaseModel]] = {
    ("keda.sh/v1alpha1", "ScaledObject"): ScaledObject,
    ("postgresql.cnpg.io/v1", "Cluster"): Cluster,
    ("monitoring.coreos.com/v1", "ServiceMonitor"): ServiceMonitor,
    ("cert-manager.io/v1", "Issuer"): Issuer,
    ("cert-manager.io/v1", "Certificate"): Certificate,
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): HttpRoute,
}
"""The specification of each, by version and kind."""
