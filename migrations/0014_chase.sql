-- +goose Up
create table chase_run (
    day     date primary key,
    done_at timestamptz
);
comment on table  chase_run is 'Days on which documents were chased (稽催): once each, by whichever node came first.';
comment on column chase_run.day is 'The day, Asia/Taipei.';
comment on column chase_run.done_at is 'When everybody had been told; null while that goes on.';

create table chase (
    person       text not null,
    document     text not null,
    rung         text not null check (rung in ('soon', 'due', 'desk', 'head', 'weekly', 'monthly')),
    number       integer not null,
    due          timestamptz not null,
    step         text,
    own          boolean not null,
    notification text not null,
    at           timestamptz not null,
    primary key (person, document, rung, number, due)
);
create index chase_notification on chase (notification);
create index chase_at on chase (at);
comment on table  chase is 'Who was told that which document is due or late. One message speaks for all documents of its person and day, as long as one of them has not moved. Lists are long: without foreign keys.';
comment on column chase.person is 'Who was told.';
comment on column chase.document is 'Of which document.';
comment on column chase.rung is 'approval.Rung.';
comment on column chase.number is 'Tells apart the times at which a rung comes again; a day for a list.';
comment on column chase.due is 'The deadline at that time: when it has changed, so has what was said.';
comment on column chase.step is 'The step in this person''s own hands; null when it was in others''.';
comment on column chase.own is 'It was in this person''s hands, or theirs to handle.';
comment on column chase.notification is 'By which notification.';
comment on column chase.at is 'When.';

create index document_due on document (due) where state = 'circulating' and due is not null;
