// Prints what was measured: a table for people, JSON for programs. One thread, nothing timed.
#include "report.h"

#include <intel-ipsec-mb.h>
#include <rte_version.h>
#include <stdlib.h>

static const char *const names[PROBES] = {"state",     "raw", "raw_prefetched",
                                          "raw_calls", "rig", "vigil"};

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

struct spread report_spread(float *samples, unsigned n)
{
	qsort(samples, n, sizeof(*samples), compare);
	return (struct spread){
		.median = (double)samples[n / 2],
		.p25 = (double)samples[n / 4],
		.p75 = (double)samples[n - 1 - n / 4],
	};
}

// (raw + rig) / Vigil
static double ratio(const struct result *r, enum probe yardstick)
{
	return (r->of[yardstick].median + r->of[PROBE_RIG].median) / r->of[PROBE_VIGIL].median;
}

// ---- for people ------------------------------------------------------------------------------

void report_machine(FILE *out, const struct machine *m)
{
	fprintf(out, "command   %s\n", m->command);
	fprintf(out, "machine   %s, %u CPUs, on CPU %u, TSC %.1f MHz\n", m->cpu, m->cpus, m->pinned,
	        m->tsc_mhz);
	fprintf(out, "software  %s, intel-ipsec-mb %s\n", rte_version(), imb_get_version_str());
	fprintf(out, "memory    %s\n", m->memory);
	fprintf(out,
	        "unit      TSC cycles a packet, median of the rounds (25 %% - 75 %%); bursts of "
	        "%u, "
	        "%u packets a round\n"
	        "frame     bytes of the Ethernet frame on the plain side, without FCS; raw has the "
	        "same text\n"
	        "raw       IMB_SUBMIT_BURST_NOCHECK alone on the SAs' keys; raw+pf: keys of a "
	        "burst "
	        "prefetched\n"
	        "calls     as Vigil calls ipsec-mb: AES-GCM packet by packet, CBC in a burst of "
	        "ciphers\n"
	        "          and one of hashes; else raw\n"
	        "rig       the same ports without a gateway: out net_pcap -> net_null, in net_ring "
	        "-> "
	        "net_null\n"
	        "Vigil     worker_turn(), whole: ports, routes, crypto map, SAs, replay windows, "
	        "counters\n"
	        "ratio     (raw + rig) / Vigil, then with raw+pf and with calls: 1.00 would be no "
	        "cost of the gateway's own\n"
	        "stages    cycles a packet of each stage of the worker, from rounds of their own: "
	        "stamps included\n"
	        "state     a fixed loop on this core, cycles a step: more means a slow while\n",
	        m->burst, m->packets);
	fflush(out);
}

void report_head(FILE *out, const char *suite, uint32_t sas)
{
	fprintf(out, "\n%s, %u SA%s\n%4s %6s %7s %7s %7s %6s %7s %17s %6s %6s %7s %6s %7s\n", suite,
	        sas, sas == 1 ? "" : "s", "", "frame", "raw", "raw+pf", "calls", "rig", "Vigil", "",
	        "ratio", "(pf)", "(calls)", "state", "rounds");
}

void report_row(FILE *out, const struct result *r)
{
	const struct spread *v = &r->of[PROBE_VIGIL];

	fprintf(out,
	        "%4s %6u %7.1f %7.1f %7.1f %6.1f %7.1f (%6.1f - %6.1f) %6.2f %6.2f %7.2f %6.2f "
	        "%7u\n",
	        r->direction, r->frame, r->of[PROBE_RAW].median, r->of[PROBE_RAW_PREFETCHED].median,
	        r->of[PROBE_RAW_CALLS].median, r->of[PROBE_RIG].median, v->median, v->p25, v->p75,
	        ratio(r, PROBE_RAW), ratio(r, PROBE_RAW_PREFETCHED), ratio(r, PROBE_RAW_CALLS),
	        r->of[PROBE_STATE].median, r->rounds);
	fprintf(out, "%11s", "stages");
	for (unsigned i = 0; i < DP_STAGES; i++)
		if (r->stages[i] >= 0.05f)
			fprintf(out, "  %s %.1f", dp_stage_name(i), (double)r->stages[i]);
	fprintf(out, "\n");
	fflush(out);
}

static double limit(const struct result *r)
{
	return r->of[PROBE_RAW_PREFETCHED].median + r->of[PROBE_RIG].median;
}

// The same cell with one SA; NULL: it was not measured.
static const struct result *with_one(const struct result *r, const struct result *results,
                                     unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (results[i].sas == 1 && results[i].suite == r->suite &&
		    results[i].direction == r->direction && results[i].frame == r->frame)
			return &results[i];
	return NULL;
}

// What more SAs cost, beside what they cost where there is no gateway.
static void growth(FILE *out, const struct result *results, unsigned n)
{
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		const struct result *r = &results[i], *one = with_one(r, results, n);

		if (r->sas == 1 || !one)
			continue;
		if (!any)
			fprintf(out, "\nMany SAs, against one in this run: Vigil; the limit "
			             "(raw+pf and rig)\n");
		any = true;
		fprintf(out, "  %-26s %3s %6u %9u SAs %6.2f x (%+7.1f)  %6.2f x (%+7.1f)\n",
		        r->suite, r->direction, r->frame, r->sas,
		        r->of[PROBE_VIGIL].median / one->of[PROBE_VIGIL].median,
		        r->of[PROBE_VIGIL].median - one->of[PROBE_VIGIL].median,
		        limit(r) / limit(one), limit(r) - limit(one));
	}
}

void report_end(FILE *out, const struct result *results, unsigned n)
{
	double low = 1e9, high = 0;

	growth(out, results, n);
	for (unsigned i = 0; i < n; i++) {
		low = results[i].of[PROBE_STATE].median < low ? results[i].of[PROBE_STATE].median
		                                              : low;
		high = results[i].of[PROBE_STATE].median > high ? results[i].of[PROBE_STATE].median
		                                                : high;
	}
	fprintf(out,
	        "\nNothing was dropped: no replay, no ICV failure, nothing else. The machine's "
	        "state was %.2f to %.2f.\n",
	        low, high);
}

// ---- for programs ----------------------------------------------------------------------------

// A JSON string; what would need an escape is left out.
static void text(FILE *out, const char *name, const char *value)
{
	fprintf(out, "\"%s\": \"", name);
	for (; *value; value++)
		if (*value >= ' ' && *value != '"' && *value != '\\')
			fputc(*value, out);
	fprintf(out, "\"");
}

static void result_json(FILE *out, const struct result *r)
{
	fprintf(out, "    {");
	text(out, "suite", r->suite);
	fprintf(out, ", ");
	text(out, "direction", r->direction);
	fprintf(out, ", \"sas\": %u, \"frame\": %u, \"rounds\": %u", r->sas, r->frame, r->rounds);
	for (unsigned i = 0; i < PROBES; i++)
		fprintf(out, ", \"%s\": {\"median\": %.2f, \"p25\": %.2f, \"p75\": %.2f}", names[i],
		        r->of[i].median, r->of[i].p25, r->of[i].p75);
	fprintf(out, ", \"stages\": {");
	for (unsigned i = 0; i < DP_STAGES; i++)
		fprintf(out, "%s\"%s\": %.2f", i ? ", " : "", dp_stage_name(i),
		        (double)r->stages[i]);
	fprintf(out, "}, \"ratio\": %.3f, \"ratio_prefetched\": %.3f, \"ratio_calls\": %.3f}",
	        ratio(r, PROBE_RAW), ratio(r, PROBE_RAW_PREFETCHED), ratio(r, PROBE_RAW_CALLS));
}

bool report_json(FILE *out, const struct machine *m, const struct result *results, unsigned n)
{
	fprintf(out, "{\n  ");
	text(out, "command", m->command);
	fprintf(out, ",\n  ");
	text(out, "cpu", m->cpu);
	fprintf(out, ",\n  ");
	text(out, "dpdk", rte_version());
	fprintf(out, ",\n  ");
	text(out, "ipsec_mb", imb_get_version_str());
	fprintf(out, ",\n  ");
	text(out, "memory", m->memory);
	fprintf(out,
	        ",\n  \"cpus\": %u, \"pinned\": %u, \"tsc_mhz\": %.3f,\n"
	        "  \"burst\": %u, \"packets_a_round\": %u, \"unit\": \"TSC cycles a packet\",\n"
	        "  \"results\": [\n",
	        m->cpus, m->pinned, m->tsc_mhz, m->burst, m->packets);
	for (unsigned i = 0; i < n; i++) {
		result_json(out, &results[i]);
		fprintf(out, "%s\n", i + 1 < n ? "," : "");
	}
	fprintf(out, "  ]\n}\n");
	return fflush(out) == 0 && !ferror(out);
}
