-- probe: COUNT of no rows compared in WHERE in streaming mode
SELECT id FROM (VALUES (1), (2)) AS t(id) WHERE (SELECT COUNT(*) FROM (VALUES (1), (2)) AS u(x) WHERE x > 5) = 0;
