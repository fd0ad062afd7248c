// SPDX-License-Identifier: Apache-2.0
// Runs SQL in one Flink MiniCluster and prints {"job_seconds": s}, the net run time of its INSERTs.
//   java -cp 'JARS/*' SqlJob.java NAME=VALUE... STATEMENT...
// A NAME=VALUE is a setting of Flink; an INSERT or a statement set is waited for.
import java.util.Locale;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;

public class SqlJob {
  public static void main(String[] arguments) throws Exception {
    Configuration settings = new Configuration();
    settings.setString("execution.target", "local");
    int first = 0;
    for (; first < arguments.length && arguments[first].matches("[a-z0-9.-]+=.*"); ++first) {
      int equals = arguments[first].indexOf('=');
      settings.setString(arguments[first].substring(0, equals), arguments[first].substring(equals + 1));
    }
    TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(settings).build());
    long millis = 0;
    for (; first < arguments.length; ++first) {
      TableResult result = tables.executeSql(arguments[first]);
      if (result.getJobClient().isPresent()) millis += result.getJobClient().get().getJobExecutionResult().get().getNetRuntime();
    }
    System.out.printf(Locale.ROOT, "{\"job_seconds\": %.3f}%n", millis / 1000.0);
    System.exit(0);
  }
}
