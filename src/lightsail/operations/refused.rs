//! Operations that nothing answers, and what there is instead.

/// Operations that are not answered.
pub struct Refused {
    /// What they are about.
    pub group: &'static str,
    /// What there is instead.
    pub why: &'static str,
    /// Their names.
    pub names: &'static [&'static str],
}

/// All others.
pub const REFUSED: &[Refused] = &[
    Refused {
        group: "instance-access",
        why: "the host key of an instance is made here, and known",
        names: &["DeleteKnownHostKeys"],
    },
    Refused {
        group: "instances",
        why: "instances have no metadata service",
        names: &["UpdateInstanceMetadataOptions"],
    },
    Refused {
        group: "snapshots",
        why: "there is no other region: `lite snapshot push` copies one to a remote",
        names: &["CopySnapshot"],
    },
    Refused {
        group: "dns-domains",
        why: "it serves no DNS zones",
        names: &[
            "CreateDomain",
            "CreateDomainEntry",
            "DeleteDomain",
            "DeleteDomainEntry",
            "GetDomain",
            "GetDomains",
            "UpdateDomainEntry",
        ],
    },
    Refused {
        group: "vpc-peering",
        why: "there is nothing to peer with",
        names: &["IsVpcPeered", "PeerVpc", "UnpeerVpc"],
    },
    Refused {
        group: "buckets",
        why: "it has no object storage",
        names: &[
            "CreateBucket",
            "CreateBucketAccessKey",
            "DeleteBucket",
            "DeleteBucketAccessKey",
            "GetBucketAccessKeys",
            "GetBucketBundles",
            "GetBucketMetricData",
            "GetBuckets",
            "SetResourceAccessForBucket",
            "UpdateBucket",
            "UpdateBucketBundle",
        ],
    },
    Refused {
        group: "certificates",
        why: "certificates of a published domain come by themselves: `lite publish NAME DOMAIN`",
        names: &["CreateCertificate", "DeleteCertificate", "GetCertificates"],
    },
    Refused {
        group: "container-services",
        why: "a blueprint runs containers in an instance: `lite create docker`",
        names: &[
            "CreateContainerService",
            "CreateContainerServiceDeployment",
            "CreateContainerServiceRegistryLogin",
            "DeleteContainerImage",
            "DeleteContainerService",
            "GetContainerAPIMetadata",
            "GetContainerImages",
            "GetContainerLog",
            "GetContainerServiceDeployments",
            "GetContainerServiceMetricData",
            "GetContainerServicePowers",
            "GetContainerServices",
            "RegisterContainerImage",
            "UpdateContainerService",
        ],
    },
    Refused {
        group: "distributions (CDN)",
        why: "it has no content network",
        names: &[
            "AttachCertificateToDistribution",
            "CreateDistribution",
            "DeleteDistribution",
            "DetachCertificateFromDistribution",
            "GetDistributionBundles",
            "GetDistributionLatestCacheReset",
            "GetDistributionMetricData",
            "GetDistributions",
            "ResetDistributionCache",
            "UpdateDistribution",
            "UpdateDistributionBundle",
        ],
    },
    Refused {
        group: "export / CloudFormation",
        why: "an instance leaves the host by `lite export`",
        names: &[
            "CreateCloudFormationStack",
            "ExportSnapshot",
            "GetCloudFormationStackRecords",
            "GetExportSnapshotRecords",
        ],
    },
    Refused {
        group: "gui-sessions (Research)",
        why: "instances have no desktop",
        names: &["CreateGUISessionAccessDetails", "StartGUISession", "StopGUISession"],
    },
    Refused {
        group: "instance-https",
        why: "`lite publish NAME DOMAIN` gives an instance HTTPS",
        names: &["GetSetupHistory", "SetupInstanceHttps"],
    },
    Refused {
        group: "load-balancers",
        why: "the certificate of a load balancer's domain comes by itself, and what else it is stays: `lite lb create`",
        names: &[
            "AttachLoadBalancerTlsCertificate",
            "CreateLoadBalancerTlsCertificate",
            "DeleteLoadBalancerTlsCertificate",
            "GetLoadBalancerTlsCertificates",
            "GetLoadBalancerTlsPolicies",
            "UpdateLoadBalancerAttribute",
        ],
    },
    Refused { group: "profile", why: "a host has no profile", names: &["GetProfile"] },
    Refused {
        group: "relational-databases",
        why: "a blueprint runs a database in an instance",
        names: &[
            "CreateRelationalDatabase",
            "CreateRelationalDatabaseFromSnapshot",
            "CreateRelationalDatabaseSnapshot",
            "DeleteRelationalDatabase",
            "DeleteRelationalDatabaseSnapshot",
            "GetRelationalDatabase",
            "GetRelationalDatabaseBlueprints",
            "GetRelationalDatabaseBundles",
            "GetRelationalDatabaseEvents",
            "GetRelationalDatabaseLogEvents",
            "GetRelationalDatabaseLogStreams",
            "GetRelationalDatabaseMasterUserPassword",
            "GetRelationalDatabaseMetricData",
            "GetRelationalDatabaseParameters",
            "GetRelationalDatabaseSnapshot",
            "GetRelationalDatabaseSnapshots",
            "GetRelationalDatabases",
            "RebootRelationalDatabase",
            "StartRelationalDatabase",
            "StopRelationalDatabase",
            "UpdateRelationalDatabase",
            "UpdateRelationalDatabaseParameters",
        ],
    },
    Refused {
        group: "subdomains",
        why: "it has no names to give away",
        names: &[
            "CheckSubdomainAvailability",
            "CreateSubdomain",
            "DeleteSubdomain",
            "GetSubdomains",
            "UpdateSubdomainAssociation",
        ],
    },
];
