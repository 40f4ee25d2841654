//! The reads that every store of the directory answers in the same way, from its own rows.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::policy::Query;
use super::record::Entry;
use super::{Application, DirectoryStoreError};

/// A store that looks up entries.
pub(super) trait Reads: Sync {
    fn read<T: Entry>(&self, query: Query) -> BoxFuture<'_, Result<Vec<T>, DirectoryStoreError>>;

    /// Decrypts the secret of an application, where it is stored encrypted.
    fn decrypted(&self, application: Application) -> Result<Application, DirectoryStoreError>;

    fn one<T: Entry>(&self, tenant_id: &str, ids: &[&str]) -> BoxFuture<'_, Result<Option<T>, DirectoryStoreError>> {
        let found = self.read(Query::one(T::KIND, tenant_id, ids));
        async move { Ok(found.await?.pop()) }.boxed()
    }

    fn page<T: Entry>(
        &self,
        tenant_id: &str,
        ids: &[&str],
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<T>, DirectoryStoreError>> {
        self.read(Query::page(T::KIND, tenant_id, ids, after, limit))
    }
}

/// Writes the reads of a [`DirectoryStore`](super::DirectoryStore) that has [`Reads`].
macro_rules! reads {
    () => {
        fn tenant<'a>(&'a self, tenant_id: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, DirectoryStoreError>> {
            self.one(tenant_id, &[])
        }

        fn application<'a>(
            &'a self,
            tenant_id: &'a str,
            app_id: &'a str,
        ) -> BoxFuture<'a, Result<Option<Application>, DirectoryStoreError>> {
            let found = self.one::<Application>(tenant_id, &[app_id]);
            async move { found.await?.map(|application| self.decrypted(application)).transpose() }.boxed()
        }

        fn user<'a>(
            &'a self,
            tenant_id: &'a str,
            app_id: &'a str,
            user_name: &'a str,
        ) -> BoxFuture<'a, Result<Option<User>, DirectoryStoreError>> {
            self.one(tenant_id, &[app_id, user_name])
        }

        fn department<'a>(
            &'a self,
            tenant_id: &'a str,
            org_code: &'a str,
        ) -> BoxFuture<'a, Result<Option<Department>, DirectoryStoreError>> {
            self.one(tenant_id, &[org_code])
        }

        fn users<'a>(
            &'a self,
            tenant_id: &'a str,
            app_id: &'a str,
            after: Option<&'a str>,
            limit: usize,
        ) -> BoxFuture<'a, Result<Vec<User>, DirectoryStoreError>> {
            self.page(tenant_id, &[app_id], after, limit)
        }

        fn departments<'a>(
            &'a self,
            tenant_id: &'a str,
            after: Option<&'a str>,
            limit: usize,
        ) -> BoxFuture<'a, Result<Vec<Department>, DirectoryStoreError>> {
            self.page(tenant_id, &[], after, limit)
        }
    };
}

pub(super) use reads;
