//! What an iteration may choose from.

use ymir_core::{BranchKind, Error, ProjectState, Result, StepResult, VersionId};
use ymir_data::operations;

use super::{LoopEvent, OnLoopEvent, ProjectHandle};

impl ProjectHandle {
    /// The pool without the validation set and the first training set, and without near-duplicates
    /// if that is asked for; then the candidates of the iteration before without those that it
    /// chose. If it is asked otherwise than before what looks alike, it begins at the pool again.
    pub(super) async fn prepare_mining(
        &self,
        state: &ProjectState,
        on: OnLoopEvent<'_>,
    ) -> Result<StepResult> {
        let project = &state.project;
        let store = self.workspace.store();
        let target = self.branch(BranchKind::Dataset, "candidates")?;
        let chosen = state.iterations.iter().filter_map(|iteration| Some(iteration.selected()?.0));
        let used: Vec<_> =
            std::iter::once(project.validation).chain(project.training).chain(chosen).collect();
        let pool = &project.pool;
        let version = match (self.earlier(state).await?, project.skip_near_duplicates) {
            (Some(Earlier { candidates, selected, distance }), wanted) if distance == wanted => {
                operations::exclude(store, &candidates, &[selected], &target).await?
            }
            (_, None) => operations::exclude(store, pool, &used, &target).await?,
            (_, Some(distance)) => {
                let tell = |progress| on(LoopEvent::Preparing(progress));
                operations::exclude_similar(store, pool, &used, distance, &target, &tell).await?
            }
        };
        let count = self.count(&version.id).await?;
        Ok(StepResult::PrepareMining { candidates: version.id, count })
    }

    /// Returns what the last iteration that chose any had to choose from.
    async fn earlier(&self, state: &ProjectState) -> Result<Option<Earlier>> {
        let mut rounds = state.iterations.iter().rev().filter_map(|iteration| {
            let candidates = iteration.candidates()?.0;
            Some((candidates, iteration.selected()?.0))
        });
        let Some((candidates, selected)) = rounds.next() else { return Ok(None) };
        // The version that was made of the pool says how; the others were made of it.
        for version in std::iter::once(candidates).chain(rounds.map(|(candidates, _)| candidates)) {
            let task = self.workspace.store().manifest(&version).await?.task;
            if let Some(distance) = task.parameters.get("distance") {
                let distance = distance.parse().map_err(|error| {
                    let message = "the lineage of a version cannot be read";
                    Error::corrupted(message).with("version", version).caused_by(error)
                })?;
                return Ok(Some(Earlier { candidates, selected, distance: Some(distance) }));
            }
            if task.inputs.iter().any(|input| input.version == state.project.pool) {
                break;
            }
        }
        Ok(Some(Earlier { candidates, selected, distance: None }))
    }
}

/// What an iteration had to choose from, and chose.
struct Earlier {
    candidates: VersionId,
    selected: VersionId,
    /// At most in how many bits images differ that were left out as near-duplicates.
    distance: Option<u32>,
}
