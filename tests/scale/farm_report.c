// See farm_report.h.
#include "farm_report.h"

static void report_afresh(FILE *out, const struct farm_run *r, const char *name, uint32_t percent,
                          uint32_t ms)
{
	uint32_t n = (uint32_t)((uint64_t)r->farm.n * percent / 100);

	fprintf(out, " \"%s\": {\"n\": %u, \"s\": %.3f, \"a_second\": %.0f},\n", name, n,
	        ms / 1000.0, ms ? n * 1000.0 / ms : 0.0);
}

static void report_times(FILE *out, const char *name, const struct histogram *h)
{
	fprintf(out, "\"%s\": {\"n\": %lu, \"p50\": %lu, \"p99\": %lu, \"max\": %lu}", name,
	        (unsigned long)h->n, (unsigned long)histogram_part(h, 500),
	        (unsigned long)histogram_part(h, 990), (unsigned long)h->max);
}

// What the gateway needed: CPU of the control core and of all its threads, memory.
static void report_gateway(FILE *out, const struct farm_run *r)
{
	const struct gateway_use *before = &r->took.before, *up = &r->took.up;
	const struct gateway_use *steady = &r->took.steady;
	double n = r->farm.n, exchanges = (double)r->took.exchanges;

	if (!r->options.gateway)
		return;
	fprintf(out,
	        " \"gateway\": {\"cpu_us_a_setup\": %.0f, \"control_us_a_setup\": %.0f, "
	        "\"dh_us_a_setup\": %.0f,\n",
	        (up->all - before->all) * 1e6 / n, (up->control - before->control) * 1e6 / n,
	        (up->helpers - before->helpers) * 1e6 / n);
	fprintf(out,
	        "  \"control_us_an_exchange\": %.2f, \"control_busy\": %.3f, \"busy\": %.3f, "
	        "\"kib_a_peer\": %.2f},\n",
	        exchanges > 0 ? (steady->control - up->control) * 1e6 / exchanges : 0,
	        (steady->control - up->control) / (steady->at - up->at),
	        (steady->all - up->all) / (steady->at - up->at), (steady->rss - before->rss) / n);
}

static void report_traffic(FILE *out, const struct farm_run *r)
{
	const struct farm_traffic *t = &r->traffic;

	if (!t->n)
		return;
	fprintf(out, " \"traffic\": {\"tunnels\": %u, \"pings\": %lu, \"answers\": %lu, ", t->n,
	        (unsigned long)t->pings, (unsigned long)t->answers);
	fprintf(out, "\"answered_by_peers\": %lu, ", (unsigned long)t->answered);
	fprintf(out, "\"lost_by_live\": %lu, \"bad\": %lu,\n  ", (unsigned long)r->took.pings_lost,
	        (unsigned long)t->bad);
	report_times(out, "trip_ms", &t->trip);
	fprintf(out,
	        ",\n  \"overload\": {\"sent\": %lu, \"not_taken\": %lu, \"came\": %lu, "
	        "\"garbage\": %lu}},\n",
	        (unsigned long)t->extra_sent, (unsigned long)t->lan.lost, (unsigned long)t->extra,
	        (unsigned long)t->garbage_sent);
}

// Of SAs whose lifetime ends.
static void report_renewals(FILE *out, const struct farm_run *r)
{
	const struct farm_counts *c = &r->farm.counts;

	fprintf(out,
	        " \"renewed\": {\"ike\": %lu, \"esp\": %lu, \"most_a_second\": %u, "
	        "\"deleted\": %lu, \"lost\": %lu},\n",
	        (unsigned long)c->ike_renewed, (unsigned long)c->children_renewed, r->most_renewals,
	        (unsigned long)c->children_deleted, (unsigned long)c->children_lost);
}

void farm_report(FILE *out, const struct farm_run *r)
{
	uint32_t setup_ms = r->took.setup_ms;
	const struct farm_counts *c = &r->farm.counts;
	const struct farm_faults *f = &r->options.faults;

	fprintf(out, "{\"peers\": %u, \"up\": %lu, \"setup_s\": %.3f, \"setups_a_second\": %.0f,\n",
	        r->farm.n, (unsigned long)c->up, setup_ms / 1000.0,
	        setup_ms ? (double)r->took.setups * 1000 / setup_ms : 0.0);
	fprintf(out,
	        " \"faults\": {\"loss\": %.1f, \"dup\": %.1f, \"late_ms\": %u, \"lost\": %lu, "
	        "\"doubled\": %lu, \"late\": %lu, \"strangers\": %lu},\n",
	        f->loss, f->dup, f->late, (unsigned long)f->lost, (unsigned long)f->doubled,
	        (unsigned long)f->held, (unsigned long)r->strangers);
	fprintf(out,
	        " \"retransmitted\": %lu, \"failed\": %lu, \"bad\": %lu, \"frames_lost\": %lu,\n"
	        " \"probes\": %lu, \"asked\": %lu, \"told\": %lu, \"interval_s\": %u, ",
	        (unsigned long)c->retransmitted, (unsigned long)c->failed, (unsigned long)c->bad,
	        (unsigned long)r->net.lost, (unsigned long)c->hellos, (unsigned long)c->hellos_sent,
	        (unsigned long)c->acks, r->options.interval_s);
	report_times(out, "late_ms", &r->late);
	fprintf(out, ",\n ");
	report_times(out, "late_steady_ms", &r->late_steady);
	fprintf(out, ",\n");
	report_gateway(out, r);
	report_traffic(out, r);
	report_renewals(out, r);
	report_afresh(out, r, "restarted", r->options.restart, r->took.restart_ms);
	report_afresh(out, r, "said_goodbye", r->options.bye, r->took.bye_ms);
	fprintf(out, " \"asked_after_goodbye\": %lu,\n", (unsigned long)r->took.after_bye);
	report_afresh(out, r, "returned", r->options.comeback ? r->options.kill : 0,
	              r->took.return_ms);
	fprintf(out, " \"killed\": %u, \"expected\": %u, \"found\": %lu, ",
	        (uint32_t)((uint64_t)r->farm.n * r->options.kill / 100), r->expected,
	        (unsigned long)r->found.n);
	report_times(out, "found_ms", &r->found);
	fprintf(out, ", \"false_deaths\": %lu}\n", (unsigned long)c->false_deaths);
}
