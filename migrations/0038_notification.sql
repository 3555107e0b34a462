-- +goose Up
-- A notification belongs to an inbox, and that to a person: the look-up of the
-- person for every row was a third of what writing it costs.
alter table notification drop constraint notification_person_fkey;
-- What many are told at once stands together in the index, and is found by what
-- it is: the notifications of a notice by its name.
alter table notification drop constraint notification_person_dedup_key;
alter table notification add constraint notification_dedup_person_key unique (dedup, person);
drop index notification_notice;
comment on column notification.person is 'Who is told; has an inbox.';
