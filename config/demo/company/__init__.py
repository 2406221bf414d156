"""The example company: Northlane, a vendor of supply-chain planning software, over the last year.

`seed` runs the parts in this order:

1. `lead_generator` draws companies, leads and their activities (`visits`, `names_and_places`); `lead_loader` stores them.
2. `staff` creates users, teams, routing rules and commitments.
3. `qualifying_instants` judges every lead at every instant of the year.
4. `year_simulation` carries the year out: `definition_history` the two versions of `definition_documents` with their
   `version_backtests`, `weekly_routine` the meetings, the monthly questions and the plan, `sales_plan` the actions of reps,
   `bulk_handoffs` (with `bulk_clocks` and `bulk_writer`) the handoffs until the last day, `live_handoffs` (with
   `rep_actions`) those of the last day.
5. `cost_history` enters what the sources cost.
"""
