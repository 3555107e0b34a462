-- +goose Up
create table hub_policy (
    version bigint generated always as identity primary key,
    policy  jsonb not null,
    set_by  text not null references person (id),
    set_at  timestamptz not null
);
comment on table  hub_policy is 'What the organisation has decided on whom to tell what, when and through which channel; append-only, the last one is in force.';
comment on column hub_policy.version is 'Order of entry.';
comment on column hub_policy.policy is 'hub.Policy: only what departs from the configuration and the house.';
comment on column hub_policy.set_by is 'Who decided.';
comment on column hub_policy.set_at is 'When.';
create trigger hub_policy_append_only before update or delete on hub_policy for each row execute function refuse_change();

create table person_preferences (
    person      text primary key references person (id),
    preferences jsonb not null,
    set_at      timestamptz not null
);
comment on table  person_preferences is 'What people have chosen for themselves: channels, kinds, quiet hours.';
comment on column person_preferences.person is 'Who.';
comment on column person_preferences.preferences is 'hub.Preferences.';
comment on column person_preferences.set_at is 'When.';

-- Of what still waits for a link, the latest of a group takes the place of the others.
create index delivery_waiting on delivery (link) where state = 'pending';
