-- +goose Up
-- What is about no step need not be in the index of steps: notices and digests
-- are most of what is written.
drop index notification_step;
create index notification_step on notification (step) where step is not null and seen_at is null and cancelled_at is null;
