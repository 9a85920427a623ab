use serde_json::json;
use ymir::{LabelerSpec, Name, Result, Selection, Workspace};

use super::Curve;
use super::data::Data;
use super::plan::{Plan, strategy_name};
use crate::commands::iterate::{How, Line, Wanted, drive, ensure, line_heading, lines_of};
use crate::context::Context;

/// Runs every loop: mined and random selection with each seed.
pub(super) async fn all(
    context: &Context,
    workspace: &Workspace,
    plan: &Plan,
    data: &Data,
) -> Result<Vec<Curve>> {
    let mut curves = Vec::new();
    for seed in plan.seeds.clone() {
        for selection in [Selection::Mined, Selection::Random] {
            let name = strategy_name(selection);
            let heading = line_heading(&data.classes);
            context.out.text(|| format!("\n{name} selection, seed {seed}\n{heading}"))?;
            curves.push(one(context, workspace, plan, data, seed, selection).await?);
        }
    }
    Ok(curves)
}

async fn one(
    context: &Context,
    workspace: &Workspace,
    plan: &Plan,
    data: &Data,
    seed: u64,
    selection: Selection,
) -> Result<Curve> {
    let strategy = strategy_name(selection);
    let wanted = json!({
        "pool": data.pool,
        "validation": data.validation,
        "classes": data.classes,
        "labeler": LabelerSpec::Oracle { truth: data.pool },
        "labels_per_iteration": plan.labels,
        "max_iterations": plan.iterations,
        "selection": selection,
        "seed": seed,
        "executor": plan.executor,
        "training_parameters": plan.training(workspace).await?,
    });
    let wanted = Wanted(wanted.as_object().cloned().unwrap_or_default());
    let name = Name::new(format!("{strategy}-{seed}"))?;
    let project = ensure(workspace, &name, &wanted).await?;
    let print = |line: &Line| {
        let mut value = line.object();
        value["strategy"] = strategy.into();
        value["seed"] = json!(seed);
        context.out.result(&value, || line.text())
    };
    for line in lines_of(&project.state().await?) {
        print(&line)?;
    }
    let label = format!("{strategy}, seed {seed}, iteration ");
    drive(context, &project, How::ToTheEnd, &label, &print).await?;
    let lines = lines_of(&project.state().await?);
    Ok(Curve { seed, selection, project: name, lines })
}
