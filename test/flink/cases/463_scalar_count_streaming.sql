-- probe: COUNT of no rows as a value in streaming mode
SELECT id, (SELECT COUNT(*) FROM (VALUES (1), (2)) AS u(x) WHERE x > 5) AS n FROM (VALUES (1), (2)) AS t(id);
