"""What servers and networks say, as the words of the house: a sentence that names the bucket, the reason, the remedy.

Neither keys nor tokens are in any sentence; of what a server says in its own words those that are ours are blotted out.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientConnectorError
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from services.backup.destinations.port import Refused
from services.backup.destinations.s3.client import place_of
from services.backup.settings.destinations import S3Destination
from shared.errors import Away, NightbusError, Transient
from shared.inert import shortened

_REMEDIES = {
    "InvalidAccessKeyId": "does not know the access key: set access_key_id and its secret key to one that exists",
    "SignatureDoesNotMatch": "does not accept the secret key: set the one that belongs to access_key_id",
    "InvalidSecurity": "does not accept the key: set access_key_id and its secret key anew",
    "ExpiredToken": "says that the credentials have expired: renew them",
    "TokenRefreshRequired": "says that the credentials have expired: renew them",
    "InvalidToken": "says that the session token is wrong: renew the credentials",
    "RequestTimeTooSkewed": "says that the clock of this machine is wrong: set it, best by NTP",
    "RequestExpired": "says that the clock of this machine is wrong: set it, best by NTP",
    "NoSuchBucket": "says that there is no such bucket: create it, or set bucket to the right one",
    "PermanentRedirect": "says that the bucket lies in another region: set region",
    "AuthorizationHeaderMalformed": "says that the bucket lies in another region: set region",
    "IllegalLocationConstraintException": "says that the bucket lies in another region: set region",
    "301": "says that the bucket lies in another region: set region",
    "QuotaExceeded": "has no space left within its quota: raise it, or delete something",
    "QuotaExceededException": "has no space left within its quota: raise it, or delete something",
    "InsufficientStorage": "has no space left: make room there",
    "XMinioStorageFull": "has no space left: make room there",
    "AccountProblem": "says that something is wrong with the account: ask its owner",
    "NotSignedUp": "says that the account has no S3: ask its owner",
    "AllAccessDisabled": "has closed the bucket: ask its owner",
    "InvalidStorageClass": "does not know the storage class: set storage_class to one that it has",
    "InvalidObjectState": "says that the object lies in archive storage: it has to be thawed first, which "
    "`nightbus backup restore` asks for",
    "GlacierExpeditedRetrievalNotAvailable": "cannot thaw at the tier expedited now: take standard, or ask later",
    "InvalidBucketName": "says that this is no name of a bucket",
}
_RIGHTS = {
    "head_object": "s3:GetObject and s3:ListBucket", "get_object": "s3:GetObject", "put_object": "s3:PutObject",
    "create_multipart_upload": "s3:PutObject", "upload_part": "s3:PutObject",
    "complete_multipart_upload": "s3:PutObject", "abort_multipart_upload": "s3:AbortMultipartUpload",
    "list_objects_v2": "s3:ListBucket", "head_bucket": "s3:ListBucket",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads", "delete_object": "s3:DeleteObject",
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
    "put_bucket_lifecycle_configuration": "s3:PutLifecycleConfiguration",
    "delete_bucket_lifecycle": "s3:PutLifecycleConfiguration",
    "restore_object": "s3:RestoreObject",
    "put_object_tagging": "s3:PutObjectTagging", "get_object_tagging": "s3:GetObjectTagging",
}  # fmt: skip
_FORBIDDEN = frozenset(("AccessDenied", "403", "Forbidden", "UnauthorizedAccess", "401", "Unauthorized"))
MISSING = frozenset(("404", "NoSuchKey", "NotFound"))
"""Error codes that say that there is no such object."""
_AGAIN = frozenset((
    "RequestTimeout", "RequestTimeoutException", "SlowDown", "SlowDownRead", "SlowDownWrite", "TooManyRequests",
    "ThrottlingException", "Throttling", "InternalError", "ServiceUnavailable", "OperationAborted", "BadDigest",
    "ConditionalRequestConflict", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody",
    "BadRequest", "400", "409", "InvalidDigest", "RequestCanceled", "InvalidChunkSizeError", "MalformedXML",
))  # fmt: skip
"""What may be over at the next try; what spoils a request on its way is among them."""
_AGAIN_STATUS = frozenset((408, 429, 500, 502, 503, 504, 509, 520, 521, 522, 523, 524, 529))


@dataclass(frozen=True, slots=True)
class Judged:
    """A failure in the words of the house, and whether trying again at once makes sense."""

    error: NightbusError
    again: bool


class Said(Exception):
    """A server's answer that its caller knows how to take."""

    def __init__(self, cause: ClientError) -> None:
        self.code = code_of(cause)
        self.status = status_of(cause)
        self.message = str(cause.response.get("Error", {}).get("Message") or "")
        self.cause = cause
        super().__init__(f"{self.code}: {self.message}")


def code_of(error: ClientError) -> str:
    """The error code of an answer; its HTTP status where it has no body."""
    return str(error.response.get("Error", {}).get("Code") or status_of(error))


def status_of(error: ClientError) -> int:
    """The HTTP status of an answer; 0 where there is none."""
    metadata: Mapping[str, Any] = error.response.get("ResponseMetadata") or {}
    return int(metadata.get("HTTPStatusCode") or 0)


def judged(error: Exception, configured: S3Destination, operation: str) -> Judged:
    """What a failed request means. What is none of a server's or network's doing is raised as it is."""
    where = f"the destination {configured.name} ({place_of(configured)})"
    if isinstance(error, ClientError):
        return _answer(error, configured, where, operation)
    if isinstance(error, asyncio.TimeoutError | exceptions.ReadTimeoutError):
        return Judged(Transient(f"{where} was silent for too long"), again=True)
    if isinstance(error, exceptions.ConnectTimeoutError | exceptions.ProxyConnectionError):
        return Judged(Away(f"{where} does not answer: is there a connection?"), again=True)
    if isinstance(error, exceptions.EndpointConnectionError):
        if isinstance(error.kwargs.get("error"), ClientConnectorError):
            return Judged(
                Away(f"{where} cannot be reached: is the address right, and is there a connection?"), again=True
            )
        return Judged(Transient(f"the connection to {where} broke"), again=True)
    if isinstance(error, exceptions.SSLError):
        return Judged(
            Refused(f"{where} has a certificate that is not trusted here: set ca_file to the one that signed it"),
            again=False,
        )
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return Judged(
            Refused(f"there is no key for {where}: set access_key_id and secret_access_key_file"), again=False
        )
    if isinstance(error, exceptions.ParamValidationError | exceptions.InvalidRegionError):
        return Judged(Refused(f"{where} cannot be asked: {error}"), again=False)
    if isinstance(error, BotoCoreError):
        return Judged(Transient(f"the talk with {where} broke off ({type(error).__name__})"), again=True)
    raise error


def _answer(error: ClientError, configured: S3Destination, where: str, operation: str) -> Judged:
    code, status = code_of(error), status_of(error)
    if operation == "head_bucket" and status == 404:  # which has no body that says so
        code = "NoSuchBucket"
    if code in _REMEDIES:
        return Judged(Refused(f"{where} {_REMEDIES[code]}"), again=False)
    if code in _FORBIDDEN or status in (401, 403):
        right = _RIGHTS.get(operation, operation)
        return Judged(
            Refused(f"{where} does not let the key do this: it needs the right {right}, and no policy against it"),
            again=False,
        )
    if status == 507:
        return Judged(Refused(f"{where} has no space left: make room there"), again=False)
    message = shortened(str(error.response.get("Error", {}).get("Message") or ""), 300)
    if configured.access_key_id:
        message = message.replace(configured.access_key_id, "…")
    sentence = f"{where} answered {code}" + (f" ({message})" if message else "")
    if code in _AGAIN or status in _AGAIN_STATUS or status >= 500:
        slow = code in ("SlowDown", "SlowDownRead", "SlowDownWrite", "TooManyRequests", "Throttling") or status == 429
        return Judged(Transient(f"{where} asks to be asked less often" if slow else sentence), again=True)
    return Judged(Refused(sentence), again=False)
