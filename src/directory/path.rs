//! The place of a department in its enterprise.

use super::{Department, DirectoryStore, DirectoryStoreError};

/// Levels that are followed at most.
const MAX_LEVELS: usize = 100;

/// A department and those above it, up to the top level; empty if it is not known.
///
/// The path ends where a department is not known (any more), where it would come back to one it has passed, and after
/// 100 levels. So it reaches the top level only if its last department has no
/// [`parent_code`](Department::parent_code).
///
/// # Errors
///
/// The store failed.
pub async fn department_path<S: DirectoryStore + ?Sized>(
    store: &S,
    tenant_id: &str,
    org_code: &str,
) -> Result<Vec<Department>, DirectoryStoreError> {
    let mut path: Vec<Department> = Vec::new();
    let mut next = Some(org_code.to_owned());
    while let Some(code) = next
        && path.len() < MAX_LEVELS
        && path.iter().all(|passed| passed.org_code != code)
        && let Some(department) = store.department(tenant_id, &code).await?
    {
        next = department.parent_code.clone();
        path.push(department);
    }
    Ok(path)
}
