CALL lake.system.expire_snapshots('db.t');
