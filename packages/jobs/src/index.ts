export { cancelJob, enqueue, enqueueAll, type EnqueueOptions } from "./enqueue";
export type { BatchTask, CronTask, GivenUpJob, Job, JobStats, RunJobsOptions, RunningJobs, Task } from "./job";
export { prepareJobs } from "./prepare";
export { repeatedly } from "./repeatedly";
export { runJobs } from "./run-jobs";
