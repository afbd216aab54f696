//! What goes wrong, and what people do meanwhile.

use farm_model::id::CommandId;
use farm_model::message::command::{Ask, Command};

use crate::outside::Outside;
use crate::source::{Source, push};
use crate::world::World;

/// One more thing happens.
pub fn strike(world: &mut World) {
    let outside = &mut world.outside;
    let hub = outside.rng.below(world.hubs.len());
    let coordinator = outside.rng.below(world.coordinators.len());
    let pause = match outside.rng.below(4) {
        0 => outside.rng.between(5_000, 15_000),
        _ => outside.rng.between(100, 4_000),
    };
    match outside.rng.below(12) {
        0 | 1 => world.coordinators[coordinator].kill(pause, outside),
        2 => world.coordinators[coordinator].freeze(pause, outside),
        3 => replace(world, coordinator, pause),
        4 => world.hubs[hub].kill(pause, outside),
        5 => world.hubs[hub].freeze(pause, outside),
        6 => world.hubs[hub].lose_machine(pause, outside),
        7 => {
            let draining = outside.rng.chance(300);
            world.hubs[hub].drain(draining, outside);
        }
        8 => {
            outside.note(|| format!("progress hangs for {pause} ms"));
            outside.queues.progress.hangs_until = outside.now + pause;
        }
        9 | 10 => push(outside),
        _ => command(outside),
    }
}

/// One stands still, another takes over, and the first wakes up.
fn replace(world: &mut World, coordinator: usize, pause: i64) {
    let outside = &mut world.outside;
    world.coordinators[coordinator].freeze(pause, outside);
    for (index, other) in world.coordinators.iter_mut().enumerate() {
        if index != coordinator && !other.is_up() {
            other.heal(outside);
        }
    }
}

/// Somebody clears a commit on a builder.
fn command(outside: &mut Outside) {
    let Some(commit) = outside.rng.pick(outside.source.commits()).cloned() else {
        return;
    };
    let builders: Vec<_> = Source::config().builders.into_keys().collect();
    let Some(builder) = outside.rng.pick(&builders).cloned() else {
        return;
    };
    let number = outside.new_life();
    let id: CommandId = format!("c{number}").parse().unwrap();
    outside.note(|| format!("{id}: clear {builder} of {}", commit.subject));
    let command = Command {
        id,
        actor: "user:gopher".to_owned(),
        ask: Ask::Clear {
            builder,
            commit: commit.id,
        },
    };
    outside.sent.push(command.id.clone());
    for _ in 0..outside.copies() {
        let due = outside.arrival();
        outside.queues.commands.publish(command.clone(), due);
    }
}
