-- probe: COUNT in a derived table over no rows, joined by a comma in streaming mode
SELECT id, n FROM (VALUES (1), (2)) AS t(id), (SELECT COUNT(*) AS n FROM (VALUES (1), (2)) AS u(x) WHERE x > 5) AS c;
