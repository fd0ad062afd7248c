// SPDX-License-Identifier: Apache-2.0
import java.io.InputStream;
import java.net.URI;
import org.apache.flink.runtime.messages.webmonitor.JobIdsWithStatusOverview;
import org.apache.flink.runtime.messages.webmonitor.JobStatusInfo;
import org.apache.flink.runtime.messages.webmonitor.MultipleJobsDetails;
import org.apache.flink.runtime.rest.handler.legacy.messages.ClusterOverviewWithVersion;
import org.apache.flink.runtime.rest.messages.DashboardConfiguration;
import org.apache.flink.runtime.rest.messages.JobConfigInfo;
import org.apache.flink.runtime.rest.messages.JobExceptionsInfoWithHistory;
import org.apache.flink.runtime.rest.messages.JobPlanInfo;
import org.apache.flink.runtime.rest.messages.checkpoints.CheckpointingStatistics;
import org.apache.flink.runtime.rest.messages.job.JobDetailsInfo;
import org.apache.flink.runtime.rest.util.RestMapperUtils;

/** Reads each answer of the job REST with the class, and the mapper, that Flink's own clients read it with; arguments: HOST:PORT JOB. */
public class JobShapes {
  static boolean failed = false;

  static void read(String base, String path, Class<?> type) throws Exception {
    try (InputStream in = URI.create("http://" + base + path).toURL().openStream()) {
      RestMapperUtils.getFlexibleObjectMapper().readValue(in.readAllBytes(), type);
    } catch (Exception failure) {
      failed = true;
      System.out.println(path + " as " + type.getSimpleName() + ": " + failure.getMessage());
    }
  }

  public static void main(String[] arguments) throws Exception {
    String base = arguments[0], job = "/jobs/" + arguments[1];
    read(base, "/overview", ClusterOverviewWithVersion.class);
    read(base, "/config", DashboardConfiguration.class);
    read(base, "/jobs", JobIdsWithStatusOverview.class);
    read(base, "/jobs/overview", MultipleJobsDetails.class);
    read(base, job, JobDetailsInfo.class);
    read(base, job + "/status", JobStatusInfo.class);
    read(base, job + "/plan", JobPlanInfo.class);
    read(base, job + "/config", JobConfigInfo.class);
    read(base, job + "/exceptions", JobExceptionsInfoWithHistory.class);
    read(base, job + "/checkpoints", CheckpointingStatistics.class);
    if (!failed) System.out.println("all shapes read");
    System.exit(failed ? 1 : 0);
  }
}
