// Prints what was measured: a table for people, JSON for programs. One thread, nothing timed.
#include "report.h"

#include <intel-ipsec-mb.h>
#include <rte_version.h>
#include <stdlib.h>

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

void report_machine(FILE *out, const struct machine *m)
{
	fprintf(out, "command   %s\n", m->command);
	fprintf(out, "machine   %s, %u CPUs, on CPU %u, TSC %.1f MHz\n", m->cpu, m->cpus, m->pinned,
	        m->tsc_mhz);
	fprintf(out, "software  %s, intel-ipsec-mb %s\n", rte_version(), imb_get_version_str());
	if (m->hugepages_mb)
		fprintf(out, "memory    hugepages, %u MB\n", m->hugepages_mb);
	else
		fprintf(out, "memory    small pages (--no-huge): many SAs cost TLB misses that "
		             "hugepages save\n");
	fprintf(out,
	        "unit      TSC cycles a packet, median of the rounds (25 %% - 75 %%); bursts of "
	        "%u, %u bursts a round\n"
	        "bytes     of the inner IPv4 packet; SAs are visited in random order\n"
	        "raw       IMB_SUBMIT_BURST_NOCHECK alone, no key prefetched; esp_out and esp_in "
	        "are "
	        "Vigil's whole stages\n"
	        "ratio     raw / Vigil: 1.00 would be no cost besides the cryptography\n",
	        m->burst, m->bursts);
	fflush(out);
}

static void side(FILE *out, const struct spread *raw, const struct spread *vigil)
{
	fprintf(out, " |%6.0f %6.0f (%5.0f -%5.0f)  %5.2f", raw->median, vigil->median, vigil->p25,
	        vigil->p75, raw->median / vigil->median);
}

void report_block(FILE *out, const struct result *results, unsigned n)
{
	fprintf(out, "\n%s\n%7s %6s |%6s %6s %15s  %5s |%6s %6s %15s  %5s | %s\n", results->suite,
	        "SAs", "bytes", "raw", "esp_out", "", "ratio", "raw", "esp_in", "", "ratio",
	        "rounds");
	for (unsigned i = 0; i < n; i++) {
		const struct result *r = &results[i];

		fprintf(out, "%7u %6u", r->sas, r->len);
		side(out, &r->of[PROBE_RAW_ENCRYPT], &r->of[PROBE_ESP_OUT]);
		side(out, &r->of[PROBE_RAW_DECRYPT], &r->of[PROBE_ESP_IN]);
		fprintf(out, " | %6u\n", r->rounds);
	}
	fflush(out);
}

void report_end(FILE *out)
{
	fprintf(out,
	        "\nEvery packet went out and came in again: no replay, no ICV failure, no other "
	        "drop.\n");
}

// A JSON string; what would need an escape is left out.
static void text(FILE *out, const char *name, const char *value)
{
	fprintf(out, "\"%s\": \"", name);
	for (; *value; value++)
		if (*value >= ' ' && *value != '"' && *value != '\\')
			fputc(*value, out);
	fprintf(out, "\"");
}

static void spread_json(FILE *out, const char *name, const struct spread *s)
{
	fprintf(out, ", \"%s\": {\"median\": %.1f, \"p25\": %.1f, \"p75\": %.1f}", name, s->median,
	        s->p25, s->p75);
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
	fprintf(out,
	        ",\n  \"cpus\": %u, \"pinned\": %u, \"tsc_mhz\": %.3f, \"hugepages_mb\": %u,\n"
	        "  \"burst\": %u, \"bursts_a_round\": %u, \"unit\": \"TSC cycles a packet\",\n"
	        "  \"results\": [\n",
	        m->cpus, m->pinned, m->tsc_mhz, m->hugepages_mb, m->burst, m->bursts);
	for (unsigned i = 0; i < n; i++) {
		const struct result *r = &results[i];

		fprintf(out, "    {");
		text(out, "suite", r->suite);
		fprintf(out, ", \"sas\": %u, \"bytes\": %u, \"rounds\": %u", r->sas, r->len,
		        r->rounds);
		spread_json(out, "raw_encrypt", &r->of[PROBE_RAW_ENCRYPT]);
		spread_json(out, "esp_out", &r->of[PROBE_ESP_OUT]);
		spread_json(out, "raw_decrypt", &r->of[PROBE_RAW_DECRYPT]);
		spread_json(out, "esp_in", &r->of[PROBE_ESP_IN]);
		fprintf(out, "}%s\n", i + 1 < n ? "," : "");
	}
	fprintf(out, "  ]\n}\n");
	return fflush(out) == 0 && !ferror(out);
}
