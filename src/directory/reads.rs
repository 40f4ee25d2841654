//! The reads that every store of the directory answers in the same way, from its own `one` and `page`.

/// Writes the reads of a [`DirectoryStore`](super::DirectoryStore), but for that of an application, whose secret may be
/// stored encrypted.
macro_rules! reads {
    () => {
        fn tenant<'a>(&'a self, tenant_id: &'a str) -> BoxFuture<'a, Result<Option<Tenant>, DirectoryStoreError>> {
            self.one(tenant_id, &[])
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
