"""Every environment variable that podtune reads itself; docs/environment.md has the same table, as a test sees to.

Those of S3 are called as in other tools (GDAL, Arrow's object_store), for boto3 has none. The others that are
conventional (AWS_…, HF_…, KF_PIPELINES_…, POPTORCH_…) are read where they are used, or by libraries.
"""

import os
from typing import NamedTuple


class Variable(NamedTuple):
    """An environment variable."""

    name: str
    reader: str
    purpose: str

    def value(self) -> str:
        """Read it; empty where it is not set."""
        return os.environ.get(self.name, "")


HOME = Variable("PODTUNE_HOME", "podtune", "directory for everything that a local run leaves; default `.podtune`")
STORE = Variable("PODTUNE_STORE", "podtune", "where releases live: a directory or an `s3://` URI")
WORKSPACE = Variable("PODTUNE_WORKSPACE", "podtune", "`s3://` URI for the intermediate checkpoints of cluster runs")
PLACEMENT = Variable("PODTUNE_PLACEMENT", "podtune", "YAML file with what the cluster wants of the pods: `--placement`")
PIPELINE_ROOT = Variable("PODTUNE_PIPELINE_ROOT", "podtune", "URI for the artifacts on KFP: `--pipeline-root`")
REGISTRY = Variable("PODTUNE_REGISTRY", "podtune, make", "registry and folder that a cluster pulls the images from")
IMAGES = Variable("PODTUNE_IMAGES", "podtune", "JSON file with the images' digests; default: the registry is asked")
IMAGE = Variable("PODTUNE_IMAGE", "finetune, evaluate", "set for a cluster: the image that a step runs in")
CACHE = Variable(
    "PODTUNE_CACHE",
    "fetching steps",
    "directory for interrupted downloads; default: the user's cache, if it is on the same disk",
)
SIGNING_KEY = Variable("PODTUNE_SIGNING_KEY", "publish", "private key (PEM) that signs releases, or its file's path")
SIGNED = Variable(
    "PODTUNE_SIGNED_URLS",
    "fetch_data",
    "signed `https://` URLs, apart by spaces; their queries go with what is at or below them",
)
PRIVATE_HOSTS = Variable(
    "PODTUNE_PRIVATE_HOSTS",
    "fetching steps",
    "names, addresses or networks inside your network to download from, apart by spaces",
)
LARGEST = Variable(
    "PODTUNE_LARGEST_DOWNLOAD", "fetching steps", "gigabytes of one file that is downloaded; default 500"
)
IPU_PYTHON = Variable("PODTUNE_IPU_PYTHON", "steps on IPUs, `podtune doctor`", "the Python that has PopTorch")
IPU_NAMESPACE = Variable("PODTUNE_IPU_NAMESPACE", "steps on a cluster", "namespace of IPUJobs; default `podtune-ipu`")
IPU_POD = Variable("PODTUNE_IPU_POD", "steps on a cluster", "set by `--placement`: what it says of IPUJobs' pods")
QUEUE = Variable("PODTUNE_QUEUE", "steps on a cluster", "Kueue's queue for TrainJobs; by default they have none")
METEOR_JAR = Variable("PODTUNE_METEOR_JAR", "evaluate", "METEOR's meteor-1.5.jar; without it that metric is left out")
OUTAGE = Variable("PODTUNE_OUTAGE", "steps", "seconds for which a step waits for a store that is away; default 600")
TERMINAL = Variable("PODTUNE_TERMINAL", "steps", "set by `podtune run`: the terminal to draw progress bars on")
SUMS = Variable("PODTUNE_SUMS", "podtune, steps", "set by `podtune run`: file with the sums of unchanged files")
CURVES = Variable("PODTUNE_CURVES", "finetune", "set by `podtune run`: directory for this training's TensorBoard file")
MESSAGE_FILE = Variable("PODTUNE_MESSAGE_FILE", "steps", "set by whoever starts a step: file for its failure")
AGAIN = Variable("PODTUNE_AGAIN", "publish", "set on Argo: what to do when another publisher was first")
RUNNER = Variable("PODTUNE_RUNNER", "steps", "set by whoever starts a step: its process, with which the step ends")
RUN = Variable("PODTUNE_RUN", "steps", "set by whoever starts a step: the run's name, in a job and in what is told")
NOTIFY_URL = Variable("PODTUNE_NOTIFY_URL", "notify, `podtune run`", "webhook that is told how a run ended; a secret")
NOTIFY_LINK = Variable("PODTUNE_NOTIFY_LINK", "notify, `podtune run`", "address of a run's page, with `{run}` in it")
ADDRESSING = Variable(
    "AWS_S3_ADDRESSING_STYLE",
    "S3 stores",
    "where a URL has the bucket: in its `path`, or in a `virtual` host; default `auto`",
)
ENCRYPTION = Variable(
    "AWS_SERVER_SIDE_ENCRYPTION", "S3 stores", "how S3 encrypts what is written: `AES256`, `aws:kms` or `aws:kms:dsse`"
)
KMS_KEY = Variable("AWS_SSE_KMS_KEY_ID", "S3 stores", "the key for `aws:kms`; default: AWS's own for S3")
REQUEST_PAYER = Variable(
    "AWS_REQUEST_PAYER", "S3 stores", "`requester`: pay for what is read, where the owner does not"
)
NO_SIGN_REQUEST = Variable("AWS_NO_SIGN_REQUEST", "S3 stores", "`true`: send no credentials; public buckets need none")
