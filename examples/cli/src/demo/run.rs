use serde_json::json;
use ymir::{LabelerSpec, Name, Result, Selection, Workspace};

use super::Curve;
use super::data::Data;
use super::plan::{Plan, strategy_name};
use crate::commands::iterate::{How, Line, Wanted, drive, ensure, lines_of};
use crate::context::Context;
use crate::output::{metric, seconds};

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
            context.out.text(|| heading(seed, selection))?;
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
    let wanted = Wanted {
        pool: Some(data.pool),
        validation: Some(data.validation),
        classes: data.classes.clone(),
        labeler: Some(LabelerSpec::Oracle { truth: data.pool }),
        labels_per_iteration: Some(plan.labels),
        max_iterations: Some(plan.iterations),
        selection: Some(selection),
        seed: Some(seed),
        executor: Some(plan.executor.clone()),
        training_parameters: plan.training(workspace).await?,
        ..Wanted::default()
    };
    let name = Name::new(format!("{strategy}-{seed}"))?;
    let project = ensure(workspace, &name, &wanted).await?;
    let print = |line: &Line| {
        let mut value = line.object();
        value["strategy"] = strategy.into();
        value["seed"] = json!(seed);
        context.out.result(&value, || text(line))
    };
    for line in lines_of(&project.state().await?) {
        print(&line)?;
    }
    let label = format!("{strategy}, seed {seed}, iteration ");
    drive(context, &project, How::ToTheEnd, &label, &print).await?;
    let lines = lines_of(&project.state().await?);
    Ok(Curve { seed, selection, project: name, lines })
}

fn heading(seed: u64, selection: Selection) -> String {
    format!(
        "\n{} selection, seed {seed}\n{:>9}  {:>6}  {:>5}  {:>7}\n",
        strategy_name(selection),
        "iteration",
        "labels",
        "AP50",
        "time"
    )
}

fn text(line: &Line) -> String {
    format!(
        "{:>9}  {:>6}  {:>5}  {:>7}\n",
        line.iteration,
        line.labels,
        metric(Some(line.metric)),
        seconds(line.seconds)
    )
}
