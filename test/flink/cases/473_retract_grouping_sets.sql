-- probe: GROUPING SETS over retracted rows
CREATE VIEW ev AS SELECT * FROM (VALUES (1,'a',5),(2,'a',7),(3,'b',1),(1,'a',6),(4,'a',-1),(2,'b',7),(2,'b',-1),(5,'a',6),(3,'gone',0),(1,'gone',0),(4,'a',9),(6,'a',6),(5,'gone',0),(2,'b',3),(6,'gone',0),(4,'gone',0),(7,'a',2)) AS t(id, k, v);
CREATE VIEW cdc AS SELECT id, k, NULLIF(v, -1) AS v FROM (SELECT id, LAST_VALUE(k) AS k, LAST_VALUE(v) AS v FROM ev GROUP BY id) WHERE k <> 'gone';
SELECT k, v, COUNT(*) AS n, SUM(id) AS s FROM cdc GROUP BY GROUPING SETS ((k), (v), ());
