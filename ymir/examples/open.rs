//! Opens a workspace and lists what is in it.

use ymir::{BranchKind, Workspace, WorkspaceOptions};

#[tokio::main]
async fn main() -> ymir::Result<()> {
    let options = WorkspaceOptions { create: true, ..Default::default() };
    let workspace = Workspace::open_with("work", options).await?;
    for kind in BranchKind::ALL {
        for name in workspace.names(kind).await? {
            let versions = workspace.log(kind, name.as_str()).await?;
            println!("{kind:?} {name}: {} versions, {}", versions.len(), versions[0].message);
        }
    }
    Ok(())
}
