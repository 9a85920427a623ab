use std::fmt;

use object_store::RetryConfig;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use ymir_core::{Error, Result};

/// Blobs in a bucket of an S3-compatible object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Options {
    /// The bucket, which exists.
    pub bucket: String,
    /// What the keys of all blobs begin with; a store has it for itself.
    pub prefix: String,
    /// The server, such as `http://localhost:9000`; that of AWS unless given.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The credentials. Unless given, the environment is asked as AWS's own tools ask it:
    /// `AWS_ACCESS_KEY_ID` and its like, or the role of the machine; and so it is for what else is
    /// not given.
    pub credentials: Option<S3Credentials>,
    /// How many bytes of files are kept in the local cache at most. Files that are being brought in
    /// may take more for a while.
    pub cache_bytes: u64,
    /// How often a request is tried again after a fault that may pass.
    pub retries: usize,
}

/// A key pair; its `Debug` form has no secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Credentials {
    /// The name of the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
    /// The token that comes with temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

impl S3Options {
    /// Returns the options for `s3://bucket` or `s3://bucket/prefix`, with 8 GiB of cache.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for another URL.
    ///
    /// ```
    /// let options = ymir_assets::S3Options::from_url("s3://images/team/blobs").unwrap();
    /// assert_eq!((options.bucket.as_str(), options.prefix.as_str()), ("images", "team/blobs"));
    /// ```
    pub fn from_url(url: &str) -> Result<Self> {
        let malformed = || {
            let message = "the place of the blobs is not of the form s3://bucket/prefix";
            Error::invalid(message).with("url", url)
        };
        let rest = url.strip_prefix("s3://").ok_or_else(malformed)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(malformed());
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            endpoint: None,
            region: None,
            credentials: None,
            cache_bytes: 8 << 30,
            retries: 5,
        })
    }

    /// Returns what the environment says, without its credentials if there are others.
    fn environment(&self) -> AmazonS3Builder {
        use AmazonS3ConfigKey::{AccessKeyId, SecretAccessKey, Token};
        if self.credentials.is_none() {
            return AmazonS3Builder::from_env();
        }
        let settings = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.to_str()?.strip_prefix("AWS_")?.to_ascii_lowercase();
            let key: AmazonS3ConfigKey = format!("aws_{name}").parse().ok()?;
            let is_kept = !matches!(key, AccessKeyId | SecretAccessKey | Token);
            is_kept.then_some((key, value.into_string().ok()?))
        });
        let builder = AmazonS3Builder::new();
        settings.fold(builder, |builder, (key, value)| builder.with_config(key, value))
    }

    /// Returns the client, and what the keys begin with.
    pub(super) fn client(&self) -> Result<(AmazonS3, Key)> {
        let fail = |e: &dyn fmt::Display| {
            let message = format!("the options of the object store are malformed: {e}");
            Error::invalid(message).with("bucket", &self.bucket)
        };
        let prefix = Key::parse(&self.prefix).map_err(|e| fail(&e).with("prefix", &self.prefix))?;
        let mut builder = self.environment().with_bucket_name(&self.bucket);
        if let Some(endpoint) = &self.endpoint {
            let plain = endpoint.starts_with("http://");
            builder = builder.with_endpoint(endpoint).with_allow_http(plain);
        }
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        if let Some(credentials) = &self.credentials {
            builder = builder
                .with_access_key_id(&credentials.access_key_id)
                .with_secret_access_key(&credentials.secret_access_key);
            if let Some(token) = &credentials.session_token {
                builder = builder.with_token(token);
            }
        }
        let retry = RetryConfig { max_retries: self.retries, ..RetryConfig::default() };
        let client = builder.with_retry(retry).build().map_err(|e| fail(&e))?;
        Ok((client, prefix))
    }
}
