DROP VIEW api.dead_letters;
DROP TABLE api.inbox, api.dead_letter;
