-- +goose Up
alter table delivery add column superseded_by text;
comment on column delivery.superseded_by is 'The delivery for which this one was given up before it was sent: a later message of its group. When that one loses its point, this is planned again.';
create index delivery_superseded on delivery (superseded_by) where superseded_by is not null;
create index delivery_sent on delivery (link, done_at) where state in ('accepted', 'unknown');
