"""The types of the fields of request bodies that users write.

Source: the schemas of the discovery document, https://dataflow.googleapis.com/$discovery/rest?version=v1b3 ; a test compares every row
with the copy that google-api-python-client ships. Fields that only the service sets have no row; fields that no person writes are ``any``.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_dataflow_ext.api.rest.values import Fields

# message -> type -> its fields
_ROWS: Mapping[str, Mapping[str, str]] = {
    "LaunchTemplateParameters": {
        "RuntimeEnvironment": "environment",
        "boolean": "update",
        "string": "jobName",
        "{string}": "parameters transformNameMapping",
    },
    "RuntimeEnvironment": {
        "STREAMING_MODE_UNSPECIFIED|STREAMING_MODE_EXACTLY_ONCE|STREAMING_MODE_AT_LEAST_ONCE": "streamingMode",
        "WORKER_IP_UNSPECIFIED|WORKER_IP_PUBLIC|WORKER_IP_PRIVATE": "ipConfiguration",
        "[string]": "additionalExperiments additionalPipelineOptions",
        "boolean": "bypassTempDirValidation enableStreamingEngine",
        "int32": "diskSizeGb maxWorkers numWorkers",
        "string": "kmsKeyName machineType network serviceAccountEmail subnetwork tempLocation workerRegion workerZone zone",
        "{string}": "additionalUserLabels",
    },
    "LaunchFlexTemplateRequest": {
        "LaunchFlexTemplateParameter": "launchParameter",
        "boolean": "validateOnly",
    },
    "LaunchFlexTemplateParameter": {
        "ContainerSpec": "containerSpec",
        "FlexTemplateRuntimeEnvironment": "environment",
        "boolean": "update",
        "string": "containerSpecGcsPath jobName",
        "{string}": "launchOptions parameters transformNameMappings",
    },
    "FlexTemplateRuntimeEnvironment": {
        "AUTOSCALING_ALGORITHM_UNKNOWN|AUTOSCALING_ALGORITHM_NONE|AUTOSCALING_ALGORITHM_BASIC": "autoscalingAlgorithm",
        "FLEXRS_UNSPECIFIED|FLEXRS_SPEED_OPTIMIZED|FLEXRS_COST_OPTIMIZED": "flexrsGoal",
        "STREAMING_MODE_UNSPECIFIED|STREAMING_MODE_EXACTLY_ONCE|STREAMING_MODE_AT_LEAST_ONCE": "streamingMode",
        "WORKER_IP_UNSPECIFIED|WORKER_IP_PUBLIC|WORKER_IP_PRIVATE": "ipConfiguration",
        "[string]": "additionalExperiments additionalPipelineOptions",
        "boolean": "dumpHeapOnOom enableLauncherVmSerialPortLogging enableStreamingEngine",
        "int32": "diskSizeGb maxWorkers numWorkers",
        "string": (
            "kmsKeyName launcherMachineType machineType network saveHeapDumpsToGcsPath sdkContainerImage "
            "serviceAccountEmail stagingLocation subnetwork tempLocation workerRegion workerZone zone"
        ),
        "{string}": "additionalUserLabels",
    },
    "ContainerSpec": {
        "FlexTemplateRuntimeEnvironment": "defaultEnvironment",
        "SDKInfo": "sdkInfo",
        "TemplateMetadata": "metadata",
        "string": "image imageRepositoryCertPath imageRepositoryPasswordSecretId imageRepositoryUsernameSecretId",
    },
    "TemplateMetadata": {
        "[ParameterMetadata]": "parameters",
        "boolean": "streaming supportsAtLeastOnce supportsExactlyOnce",
        "string": "defaultStreamingMode description name yamlDefinition",
    },
    "ParameterMetadata": {
        "[ParameterMetadataEnumOption]": "enumOptions",
        "[string]": "parentTriggerValues regexes",
        "any": "paramType",
        "boolean": "hiddenUi isOptional",
        "string": "defaultValue groupName helpText label name parentName",
        "{string}": "customMetadata",
    },
    "ParameterMetadataEnumOption": {
        "string": "description label value",
    },
    "SDKInfo": {
        "UNKNOWN|JAVA|PYTHON|GO|YAML": "language",
        "string": "version",
    },
    "SnapshotJobRequest": {
        "boolean": "snapshotSources",
        "duration": "ttl",
        "string": "description location",
    },
    "Job": {
        "Environment": "environment",
        "JOB_TYPE_UNKNOWN|JOB_TYPE_BATCH|JOB_TYPE_STREAMING": "type",
        "JobMetadata": "jobMetadata",
        "RuntimeUpdatableParams": "runtimeUpdatableParams",
        "[Step]": "steps",
        "[any]": "stageStates",
        "[string]": "tempFiles",
        "any": "currentState executionInfo pipelineDescription requestedState",
        "boolean": "satisfiesPzs",
        "datetime": "createTime currentStateTime startTime",
        "string": "clientRequestId createdFromSnapshotId id location name projectId replaceJobId replacedByJobId stepsLocation",
        "{string}": "labels transformNameMapping",
    },
    "JobMetadata": {
        "[any]": "bigTableDetails bigqueryDetails datastoreDetails fileDetails pubsubDetails spannerDetails",
        "any": "sdkVersion",
        "{string}": "userDisplayProperties",
    },
    "Step": {
        "string": "kind name",
        "{any}": "properties",
    },
    "RuntimeUpdatableParams": {
        "[AutoscalingSchedule]": "schedules",
        "double": "workerUtilizationHint",
        "duration": "acceptableBacklogDuration",
        "int32": "maxNumWorkers minNumWorkers",
        "string": "autoscalingTier latencyTier",
    },
    "AutoscalingSchedule": {
        "Parameters": "parameters",
        "duration": "duration",
        "int64": "priority",
        "string": "crontab name timeZone",
    },
    "Parameters": {
        "double": "cpuUtilizationTarget",
        "int32": "maxWorkerCount minWorkerCount",
        "string": "latencyTarget",
    },
    "Environment": {
        "DebugOptions": "debugOptions",
        "FLEXRS_UNSPECIFIED|FLEXRS_SPEED_OPTIMIZED|FLEXRS_COST_OPTIMIZED": "flexResourceSchedulingGoal",
        "STREAMING_MODE_UNSPECIFIED|STREAMING_MODE_EXACTLY_ONCE|STREAMING_MODE_AT_LEAST_ONCE": "streamingMode",
        "[WorkerPool]": "workerPools",
        "[string]": "experiments serviceOptions",
        "boolean": "usePublicIps",
        "string": "clusterManagerApiService dataset serviceAccountEmail serviceKmsKeyName tempStoragePrefix workerRegion workerZone",
        "{any}": "internalExperiments sdkPipelineOptions userAgent version",
    },
    "DebugOptions": {
        "DataSamplingConfig": "dataSampling",
        "boolean": "enableHotKeyLogging",
    },
    "DataSamplingConfig": {
        "[DATA_SAMPLING_BEHAVIOR_UNSPECIFIED|DISABLED|ALWAYS_ON|EXCEPTIONS]": "behaviors",
    },
    "WorkerPool": {
        "AutoscalingSettings": "autoscalingSettings",
        "DEFAULT_PACKAGE_SET_UNKNOWN|DEFAULT_PACKAGE_SET_NONE|DEFAULT_PACKAGE_SET_JAVA|DEFAULT_PACKAGE_SET_PYTHON": "defaultPackageSet",
        "TEARDOWN_POLICY_UNKNOWN|TEARDOWN_ALWAYS|TEARDOWN_ON_SUCCESS|TEARDOWN_NEVER": "teardownPolicy",
        "TaskRunnerSettings": "taskrunnerSettings",
        "WORKER_IP_UNSPECIFIED|WORKER_IP_PUBLIC|WORKER_IP_PRIVATE": "ipConfiguration",
        "[Disk]": "dataDisks",
        "[Package]": "packages",
        "[SdkHarnessContainerImage]": "sdkHarnessContainerImages",
        "int32": "diskSizeGb numThreadsPerWorker numWorkers",
        "int64": "diskProvisionedIops diskProvisionedThroughputMibps",
        "string": "diskSourceImage diskType kind machineType network onHostMaintenance subnetwork workerHarnessContainerImage zone",
        "{any}": "poolArgs",
        "{string}": "metadata",
    },
    "AutoscalingSettings": {
        "AUTOSCALING_ALGORITHM_UNKNOWN|AUTOSCALING_ALGORITHM_NONE|AUTOSCALING_ALGORITHM_BASIC": "algorithm",
        "int32": "maxNumWorkers",
    },
    "Disk": {
        "int32": "sizeGb",
        "string": "diskType mountPoint",
    },
    "Package": {
        "string": "location name sha256",
    },
    "SdkHarnessContainerImage": {
        "[string]": "capabilities",
        "boolean": "useSingleCorePerContainer",
        "string": "containerImage environmentId",
    },
    "TaskRunnerSettings": {
        "WorkerSettings": "parallelWorkerSettings",
        "[string]": "oauthScopes",
        "boolean": "alsologtostderr continueOnException logToSerialconsole",
        "string": (
            "baseTaskDir baseUrl commandlinesFileName dataflowApiVersion harnessCommand languageHint logDir "
            "logUploadLocation streamingWorkerMainClass taskGroup taskUser tempStoragePrefix vmId workflowFileName"
        ),
    },
    "WorkerSettings": {
        "boolean": "reportingEnabled",
        "string": "baseUrl servicePath shuffleServicePath tempStoragePrefix workerId",
    },
}


FIELDS: Fields = {name: {field: kind for kind, names in rows.items() for field in names.split()} for name, rows in _ROWS.items()}
"""See :data:`airflow_dataflow_ext.api.rest.values.Fields`."""
