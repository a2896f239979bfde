"""Pictures of the cells, drawn from the values of a run.

    block.py        what the two diagrams of the LSTM block have in common: parts, equations, the order of the flow
    circuit.py      where everything stands when it is drawn as an electronic circuit
    odyssey.py      the same, in the manner of "A Search Space Odyssey"
    drawing.py      draws either of them
    lstm.py         a diagram with the gates of one time step, and the backward flow as an animation
    unfolded.py     the simple RNN, unfolded in time
    cliff.py        the loss of the one-unit RNN, and descent on it

A layout is a table of positions and knows no drawing; the page of trace_page.py draws the same tables.
"""
