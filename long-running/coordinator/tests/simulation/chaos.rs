//! What goes wrong, and what people do meanwhile.

use farm_model::id::CommandId;
use farm_model::message::command::{Ask, Command};

use crate::outside::Outside;
use crate::source::push;
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
    if outside.source.is_pooled() && outside.rng.chance(200) {
        return world.pool.lose_one(&mut world.hubs, outside);
    }
    match outside.rng.below(13) {
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
        11 => outside.blobs.clear(),
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

/// Somebody asks for something.
fn command(outside: &mut Outside) {
    let Some(ask) = ask(outside) else { return };
    let id: CommandId = format!("c{}", outside.new_life()).parse().unwrap();
    outside.note(|| format!("{id}: {ask:?}"));
    send(id, ask, outside);
}

fn send(id: CommandId, ask: Ask, outside: &mut Outside) {
    let actor = "user:gopher".to_owned();
    let command = Command { id, actor, ask };
    outside.sent.push(command.id.clone());
    for _ in 0..outside.copies() {
        let due = outside.arrival();
        outside.queues.commands.publish(command.clone(), due);
    }
}

fn ask(outside: &mut Outside) -> Option<Ask> {
    let builders = outside.source.builders();
    let builder = outside.rng.pick(&builders)?.clone();
    let builds: Vec<_> = outside.ledger.builds().cloned().collect();
    let reason = "a person's whim".to_owned();
    Some(match outside.rng.below(8) {
        0..=2 => Ask::Clear {
            commit: outside.rng.pick(outside.source.commits())?.id.clone(),
            builder,
        },
        3 => Ask::Retry {
            build: outside.rng.pick(&builds)?.clone(),
        },
        4 | 5 => Ask::Cancel {
            build: outside.rng.pick(&builds)?.clone(),
        },
        6 => Ask::Pause { builder, reason },
        _ => Ask::Drain {
            machine: outside.rng.pick(&["arm1", "arm2", "amd1"])?.parse().ok()?,
            reason,
        },
    })
}

/// What people stopped goes on.
pub fn relent(outside: &mut Outside) {
    let builders = outside.source.builders().into_iter();
    let resume = builders.map(|builder| Ask::Resume { builder });
    let machines = ["arm1", "arm2", "amd1"].map(|name| name.parse().unwrap());
    let undrain = machines.map(|machine| Ask::Undrain { machine });
    for (number, ask) in resume.chain(undrain).enumerate() {
        send(format!("relent{number}").parse().unwrap(), ask, outside);
    }
}
