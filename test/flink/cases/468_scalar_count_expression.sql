-- probe: an expression over COUNT of no rows in streaming mode
SELECT id, (SELECT COUNT(*) + 1 FROM (VALUES (1), (2)) AS u(x) WHERE x > 5) AS n, (SELECT COALESCE(SUM(x), -1) FROM (VALUES (1), (2)) AS u(x) WHERE x > 5) AS s FROM (VALUES (1), (2)) AS t(id);
