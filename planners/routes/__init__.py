"""How to make it: single-step proposals, route search, conditions, procedures, protocols.

planner = RoutePlanner(Stock.builtin())                     planners.routes.search
route = planner.plan("CCCOC(=O)OCCC", make=True)[0]
procedures = write_procedures(route)                        planners.routes.procedure
print(render(procedures))                                   planners.routes.rendering
protocol = to_protocol(route, procedures, sample="e1", characterise=["viscosity"])     planners.routes.protocol
"""
