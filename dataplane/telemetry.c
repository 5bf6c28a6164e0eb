// Commands of DPDK's telemetry: /vigil/workers, /vigil/worker,N, /vigil/drops[,N],
// /vigil/counters[,N]. They run on EAL's telemetry threads and only read words that the workers
// publish (relaxed), so they must not touch what the control core owns.
#include "telemetry.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <rte_telemetry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "worker.h"

#define ALL UINT32_MAX // no worker was named

// EAL's callbacks take no argument. The lock keeps the dataplane in place while one runs; the
// control core takes it when it starts and stops, workers never.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct dp *shown; // under the lock
static bool registered;  // control core

// The worker that the parameters name. False: that is none.
static bool which(const char *params, uint32_t *worker)
{
	unsigned long n;
	char *end;

	*worker = ALL;
	if (!params || !*params)
		return true;
	if (!isdigit((unsigned char)*params))
		return false;
	n = strtoul(params, &end, 10);
	*worker = (uint32_t)n;
	return *end == '\0' && n < shown->n_workers;
}

// Telemetry takes letters, digits and '_' for a name.
static void add(struct rte_tel_data *d, const char *prefix, const char *name, uint64_t value)
{
	char text[RTE_TEL_MAX_STRING_LEN];

	snprintf(text, sizeof(text), "%s%s", prefix, name);
	for (char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	rte_tel_data_add_dict_u64(d, text, value);
}

static int list_workers(const char *params, struct rte_tel_data *d)
{
	(void)params;
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	for (unsigned i = 0; i < shown->n_workers; i++)
		rte_tel_data_add_array_int(d, (int)i);
	return 0;
}

static void add_stage(struct rte_tel_data *d, const char *stage, const struct dp_stage_stats *s)
{
	char prefix[64];

	snprintf(prefix, sizeof(prefix), "stage_%s_", stage);
	add(d, prefix, "cycles", s->cycles);
	add(d, prefix, "packets", s->packets);
	add(d, prefix, "calls", s->calls);
}

static int one_worker(const char *params, struct rte_tel_data *d)
{
	struct dp_worker_stats s;
	uint32_t worker;

	if (!which(params, &worker) || worker == ALL)
		return -EINVAL;
	dp_worker_stats(shown, worker, &s);
	rte_tel_data_start_dict(d);
	add(d, "", "cpu", s.cpu);
	add(d, "", "hz", s.hz);
	add(d, "", "turns", s.turns);
	add(d, "", "busy_turns", s.busy_turns);
	add(d, "", "cycles", s.cycles);
	add(d, "", "busy_cycles", s.busy_cycles);
	add(d, "", "longest_turn_cycles", s.longest);
	add(d, "", "sleeps", s.sleeps);
	add(d, "", "asleep_cycles", s.asleep);
	add(d, "sleeps_ended_by_", "time", s.wakes[DP_WAKE_TIME]);
	add(d, "sleeps_ended_by_", "port", s.wakes[DP_WAKE_PORT]);
	add(d, "sleeps_ended_by_", "core", s.wakes[DP_WAKE_BELL]);
	add(d, "", "burst_packets", s.packets);
	for (unsigned i = 0; i < DP_FILL_CLASSES; i++)
		add(d, "bursts_", dp_fill_name(i), s.fill[i]);
	add(d, "", "sample_period", s.period);
	add(d, "", "sampled_turns", s.sampled_turns);
	for (unsigned i = 0; i < DP_STAGES; i++)
		add_stage(d, dp_stage_name(i), &s.stages[i]);
	return 0;
}

static int counters(const char *params, struct rte_tel_data *d, unsigned from, unsigned to,
                    size_t skip)
{
	uint32_t worker;

	if (!which(params, &worker))
		return -EINVAL;
	rte_tel_data_start_dict(d);
	for (unsigned c = from; c < to; c++) {
		uint64_t sum = 0;

		for (unsigned w = 0; w < shown->n_workers; w++)
			if (worker == ALL || worker == w)
				sum += dp_counter(shown, w, c);
		add(d, "", drop_name(c) + skip, sum);
	}
	return 0;
}

static int drops(const char *params, struct rte_tel_data *d)
{
	return counters(params, d, 0, DROP_REASONS, strlen("drop "));
}

static int all_counters(const char *params, struct rte_tel_data *d)
{
	return counters(params, d, DROP_REASONS, COUNTERS, 0);
}

static const struct {
	const char *name;
	int (*fn)(const char *params, struct rte_tel_data *d);
	const char *help;
} commands[] = {
	{"/vigil/workers", list_workers, "Lists the workers. No parameters"},
	{"/vigil/worker", one_worker, "Time, bursts and stages of a worker. Parameter: worker"},
	{"/vigil/drops", drops, "Drops by reason. Parameter: worker (optional)"},
	{"/vigil/counters", all_counters, "Other counters. Parameter: worker (optional)"},
};

static int answer(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int rc = -ENODEV;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; shown && i < RTE_DIM(commands); i++)
		if (strcmp(cmd, commands[i].name) == 0)
			rc = commands[i].fn(params, d);
	pthread_mutex_unlock(&lock);
	return rc;
}

void telemetry_start(struct dp *dp)
{
	pthread_mutex_lock(&lock);
	shown = dp;
	pthread_mutex_unlock(&lock);
	// A command stays for the life of the process.
	for (unsigned i = 0; !registered && i < RTE_DIM(commands); i++)
		if (rte_telemetry_register_cmd(commands[i].name, answer, commands[i].help) &&
		    dp->log)
			log_msg(dp->log, LOG_WARNING, "PLATFORM", "TELEMETRY",
			        "No telemetry command %s", commands[i].name);
	registered = true;
}

void telemetry_stop(void)
{
	pthread_mutex_lock(&lock);
	shown = NULL;
	pthread_mutex_unlock(&lock);
}
